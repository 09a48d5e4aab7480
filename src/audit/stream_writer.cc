// See stream_writer.h.
#include "audit/stream_writer.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace postern::audit {
namespace {

constexpr std::int64_t kRetryMs = 1'000;
constexpr std::int64_t kNever = INT64_MAX;

}  // namespace

StreamWriter::StreamWriter(const config::AuditStream& settings, std::shared_ptr<const crypto::Ed25519Key> key,
                           StreamState& state, ChainFile::Clock clock)
    : file_(settings, std::move(key), clock), state_(state) {
  state_.wants_group.store(settings.sync == config::AuditSync::group, std::memory_order_relaxed);
}

void StreamWriter::configure(const config::AuditStream& settings, std::shared_ptr<const crypto::Ed25519Key> key) {
  file_.configure(settings, std::move(key));
  state_.wants_group.store(settings.sync == config::AuditSync::group, std::memory_order_relaxed);
}

void StreamWriter::open(std::int64_t now_ms) noexcept {
  checkpoint_ms_ = sync_ms_ = now_ms;
  if (!file_.begin()) {
    fail(now_ms);
    return;
  }
  file_.end();
}

bool StreamWriter::has_records() noexcept {
  return !is_failing_ && std::ranges::any_of(lanes_, [](const LaneEnd& end) { return end.lane->ring.refresh(); });
}

std::int64_t StreamWriter::due_ms() const noexcept {
  if (is_failing_) return retry_ms_;
  const config::AuditStream& settings = file_.settings();
  std::int64_t due = kNever;
  if (file_.is_unsealed()) due = checkpoint_ms_ + settings.checkpoint_interval.count();
  if (settings.sync != config::AuditSync::none && file_.is_dirty()) {
    due = std::min(due, sync_ms_ + settings.sync_interval.count());
  }
  return due;
}

StreamWriter::Work StreamWriter::work(std::int64_t now_ms) noexcept {
  Work work;
  if (is_failing_) {
    if (now_ms < retry_ms_) return work;
  } else if (!has_records() && lost() == told_lost_ && now_ms < due_ms()) {
    return work;
  }
  if (!write_batch(now_ms, work)) {
    fail(now_ms);
    return work;
  }
  if (is_failing_) recover();
  // Outcomes reach the disk in time, too; with "group" mostly in the company of the next intent.
  const bool is_time = now_ms >= sync_ms_ + file_.settings().sync_interval.count();
  if (file_.settings().sync != config::AuditSync::none && file_.is_dirty() && is_time && !sync(now_ms)) fail(now_ms);
  return work;
}

bool StreamWriter::write_batch(std::int64_t now_ms, Work& work) noexcept {
  if (!file_.begin()) return false;
  bool is_written = false;
  try {
    make_lines(now_ms);
    is_written = file_.write();
  } catch (const std::exception&) {
    file_.lines().reject();
  }
  file_.end();
  if (!is_written) {
    keep_records();
    return false;
  }
  work.has_written = records_ != 0;
  let_go();
  const bool is_awaited = std::ranges::any_of(lanes_, [](const LaneEnd& end) { return end.is_awaited; });
  const bool wants_sync = is_awaited || (is_failing_ && file_.settings().sync == config::AuditSync::group);
  if (wants_sync) {
    const Nanoseconds before = now_ns();
    if (!sync(now_ms)) return false;  // whoever waits is told that it fails; the records may be there
    work.sync_ns = now_ns() - before;
  }
  tell(work);
  return true;
}

bool StreamWriter::sync(std::int64_t now_ms) noexcept {
  sync_ms_ = now_ms;
  state_.syncs.fetch_add(1, std::memory_order_relaxed);
  return file_.sync();
}

void StreamWriter::make_lines(std::int64_t now_ms) {
  LineMaker& lines = file_.lines();
  records_ = 0;
  if (lines.position().unsealed == 0) checkpoint_ms_ = now_ms;
  batch_lost_ = lost();
  if (batch_lost_ != told_lost_) lines.add_lost(batch_lost_ - told_lost_);
  for (LaneEnd& end : lanes_) {
    end.lane->ring.refresh();
    make_lines_of(end);
  }
  const bool is_time = now_ms >= checkpoint_ms_ + file_.settings().checkpoint_interval.count();
  if (is_time && lines.position().unsealed != 0) lines.add_checkpoint("time");
}

void StreamWriter::make_lines_of(LaneEnd& end) {
  LineMaker& lines = file_.lines();
  DecodedRecord decoded;
  ByteRing& ring = end.lane->ring;
  for (auto bytes = ring.front(); !bytes.empty() && !lines.is_full(); bytes = ring.front()) {
    if (decode(bytes, decoded)) {
      lines.add_record(decoded);
      ++records_;
      if (decoded.kind == RecordKind::intent) {
        ++end.intents;
        end.is_awaited |= decoded.is_awaited;
      }
      const std::uint32_t most = file_.settings().checkpoint_records;
      if (most != 0 && lines.position().unsealed >= most) lines.add_checkpoint("records");
    }
    ring.skip();
  }
}

void StreamWriter::keep_records() noexcept {
  for (LaneEnd& end : lanes_) {
    end.lane->ring.rewind();
    end.intents = 0;
    end.is_awaited = false;
  }
}

void StreamWriter::let_go() noexcept {
  for (const LaneEnd& end : lanes_) end.lane->ring.release();
  state_.written.fetch_add(records_, std::memory_order_relaxed);
  told_lost_ = batch_lost_;
  state_.lost.store(told_lost_, std::memory_order_relaxed);
}

void StreamWriter::tell(Work& work) noexcept {
  for (LaneEnd& end : lanes_) {
    const std::uint64_t intents = std::exchange(end.intents, 0);
    if (intents != 0) {
      end.lane->done.store(end.lane->done.load(std::memory_order_relaxed) + intents, std::memory_order_release);
    }
    if (!std::exchange(end.is_awaited, false)) continue;
    work.awaited += intents;
    end.core->wake();
  }
}

void StreamWriter::fail(std::int64_t now_ms) noexcept {
  retry_ms_ = now_ms + kRetryMs;
  if (!std::exchange(is_failing_, true)) {
    state_.failures.fetch_add(1, std::memory_order_relaxed);
    log::error("audit: records have to wait", {{"stream", file_.settings().name}, {"error", file_.error()}});
  }
  state_.is_failing.store(true, std::memory_order_release);
  for (LaneEnd& end : lanes_) {
    // Not 0 after a failed fsync: the records have left the ring, and nobody knows whether they are on the disk.
    const std::uint64_t done = end.lane->done.load(std::memory_order_relaxed) + std::exchange(end.intents, 0);
    end.lane->unsure.store(done, std::memory_order_release);
    end.lane->done.store(done, std::memory_order_release);
    end.is_awaited = false;
    end.core->wake();
  }
}

void StreamWriter::recover() noexcept {
  is_failing_ = false;
  state_.is_failing.store(false, std::memory_order_release);
  log::info("audit: records are written again", {{"stream", file_.settings().name}});
}

std::uint64_t StreamWriter::lost() const noexcept {
  std::uint64_t sum = 0;
  for (const LaneEnd& end : lanes_) sum += end.lane->lost.load(std::memory_order_relaxed);
  return sum;
}

void StreamWriter::close() noexcept {
  std::uint64_t left = 0;
  for (const LaneEnd& end : lanes_) {
    end.lane->ring.rewind();
    end.lane->ring.refresh();
    for (; !end.lane->ring.front().empty(); end.lane->ring.pop()) ++left;
  }
  if (left != 0) {
    state_.lost.fetch_add(left, std::memory_order_relaxed);
    log::warn("audit: records left unwritten at the end", {{"stream", file_.settings().name}, {"records", left}});
  }
  file_.close();
}

}  // namespace postern::audit
