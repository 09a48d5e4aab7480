// See writer.h.
#include "accesslog/writer.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <new>
#include <system_error>
#include <utility>

#include "base/blocked_signals.h"
#include "base/clock.h"
#include "base/log.h"

namespace postern::accesslog {
namespace {

constexpr std::size_t kBatch = std::size_t{64} << 10;
constexpr std::chrono::milliseconds kNap{100};       // how long lines may gather
constexpr std::chrono::milliseconds kIdleNap{1000};  // bounds a missed ring, see Doorbell
constexpr std::chrono::hours kOffNap{1};

std::uint64_t count_lines(std::string_view text) noexcept {
  std::uint64_t lines = 0;
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) ++lines;
  return lines;
}

/// What now_ns() lacks to be Unix time.
std::int64_t clock_offset() noexcept {
  timespec wall{};
  clock_gettime(CLOCK_REALTIME, &wall);
  return static_cast<std::int64_t>(wall.tv_sec) * 1'000'000'000 + wall.tv_nsec - now_ns();
}

}  // namespace

Writer::Writer(Target target, metrics::MetricsRegistry& registry) : registry_(registry), target_(std::move(target)) {
  batch_.reserve(kBatch + 4 * kMaxRecordBytes);
}

void Writer::start() {
  const BlockedSignals blocked;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "access-log");
}

void Writer::reopen() noexcept {
  wants_reopen_.store(true, std::memory_order_relaxed);
  has_orders_.store(true, std::memory_order_release);
  bell_.ring();
}

void Writer::replace(Target target) {
  {
    const std::lock_guard lock(mutex_);
    next_ = std::move(target);
  }
  has_orders_.store(true, std::memory_order_release);
  bell_.ring();
}

void Writer::stop(std::chrono::milliseconds bound) noexcept {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_at_ = Clock::now() + bound;
  }
  has_orders_.store(true, std::memory_order_release);
  bell_.ring();
  thread_.join();
}

void Writer::run() noexcept {
  for (;;) {
    bool was_busy = false;
    try {
      if (has_orders_.exchange(false, std::memory_order_acquire)) take_orders();
      was_busy = drain();
    } catch (const std::exception& failure) {
      log::error("access log: an order was not carried out", {{"error", failure.what()}});
    }
    if (target_.sink) target_.sink->tick();
    if (stopping_at_) {
      const bool is_done = !is_blocked_ && !(target_.sink && has_work());
      if (is_done || is_unavailable_ || Clock::now() >= *stopping_at_) break;
    }
    rest(was_busy);
  }
  count_leftovers();
}

void Writer::take_orders() {
  std::optional<Target> next;
  {
    const std::lock_guard lock(mutex_);
    next = std::exchange(next_, std::nullopt);
    stopping_at_ = stop_at_;
  }
  const bool wants_reopen = wants_reopen_.exchange(false, std::memory_order_relaxed);
  if (!next && !wants_reopen) return;
  drain();  // what was logged before belongs into the old file
  if (next) {
    target_ = std::move(*next);
    is_blocked_ = is_unavailable_ = false;
    registry_.set(metrics::Gauge::access_log_blocked, 0);
    if (sent_ != 0) sent_ = std::min(batch_.find('\n', sent_ - 1) + 1, batch_.size());  // no half line in the new one
  } else {
    reopen_now();
  }
}

void Writer::reopen_now() {
  if (!target_.sink) return;
  try {
    target_.sink->reopen();
    log::info("access log reopened", {{"path", target_.path}});
  } catch (const std::system_error& failure) {
    log::error("access log: cannot reopen, writing on to the old file", {{"error", failure.what()}});
  }
}

bool Writer::has_work() noexcept {
  return std::ranges::any_of(rings_, [](const auto& ring) { return ring->refresh(); });
}

bool Writer::drain() {
  is_blocked_ = !flush();
  // Switched off: stragglers wait for the next file, and so do first records that overtake the order to open it.
  if (is_blocked_ || !target_.sink) return false;
  const bool had_work = has_work();
  clock_offset_ = clock_offset();
  for (const auto& ring : rings_) {
    drain(*ring);
    if (is_blocked_) return had_work;
  }
  is_blocked_ = !flush();
  return had_work;
}

void Writer::drain(ByteRing& ring) {
  DecodedRecord decoded;
  ring.refresh();
  for (auto bytes = ring.front(); !bytes.empty(); bytes = ring.front()) {
    const std::size_t before = batch_.size();
    try {
      if (decode(bytes, decoded)) {
        decoded.record.time_ns += clock_offset_;
        target_.formatter.append(batch_, decoded);
      }
    } catch (const std::bad_alloc&) {
      batch_.resize(before);
      registry_.count(metrics::Event::access_log_lost);
    }
    ring.pop();
    if (batch_.size() >= kBatch) {
      is_blocked_ = !flush();
      if (is_blocked_) return;
    }
  }
}

bool Writer::flush() noexcept {
  std::string_view rest = std::string_view(batch_).substr(sent_);
  if (rest.empty()) return true;
  if (!target_.sink) {
    give_up_on(rest);
    return true;
  }
  const std::size_t before = rest.size();
  const LineSink::Outcome outcome = target_.sink->write(rest);
  const int why = errno;
  const std::string_view gone = std::string_view(batch_).substr(sent_, before - rest.size());
  sent_ += gone.size();
  note(outcome, gone, why);
  if (is_blocked_) return false;
  if (outcome == LineSink::Outcome::failed) give_up_on(rest);
  batch_.clear();
  sent_ = 0;
  return true;
}

void Writer::note(LineSink::Outcome outcome, std::string_view gone, int why) noexcept {
  using Outcome = LineSink::Outcome;
  const std::uint64_t lines = count_lines(gone), lost = target_.sink->take_lost();
  registry_.count(metrics::Event::access_log_written, lines - std::min(lines, lost));
  if (lost != 0) registry_.count(metrics::Event::access_log_lost, lost);
  is_blocked_ = outcome == Outcome::blocked || outcome == Outcome::unavailable;
  registry_.set(metrics::Gauge::access_log_blocked, is_blocked_ ? 1 : 0);
  if (outcome == Outcome::failed) {
    log::warn("access log: lines are lost", {{"path", target_.path}, {"error", std::strerror(why)}});
  } else if (outcome == Outcome::unavailable && !is_unavailable_) {
    is_unavailable_ = true;
    dropped_before_ = dropped();
    log::warn("access log: lines have to wait", {{"path", target_.path}, {"error", std::strerror(why)}});
  } else if (outcome == Outcome::done && is_unavailable_) {
    is_unavailable_ = false;
    log::info("access log: lines go on", {{"path", target_.path}, {"dropped", dropped() - dropped_before_}});
  }
}

std::uint64_t Writer::dropped() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& ring : rings_) sum += ring->dropped();
  return sum;
}

void Writer::give_up_on(std::string_view unwritten) noexcept {
  registry_.count(metrics::Event::access_log_lost, count_lines(unwritten));
  batch_.clear();
  sent_ = 0;
}

void Writer::rest(bool was_busy) noexcept {
  if (is_blocked_) {
    target_.sink->wait(kNap);
  } else if (stopping_at_) {
    return;
  } else if (!target_.sink) {
    bell_.nap(kOffNap);
  } else if (was_busy) {
    bell_.nap(kNap);
  } else {
    bell_.wait_idle(kIdleNap, [this] { return has_work(); });
  }
}

void Writer::count_leftovers() noexcept {
  std::uint64_t left = count_lines(std::string_view(batch_).substr(sent_));
  for (const auto& ring : rings_) {
    ring->refresh();
    for (; !ring->front().empty(); ring->pop()) ++left;
  }
  if (left == 0) return;
  registry_.count(metrics::Event::access_log_lost, left);
  log::warn("access log: lines left unwritten at the end", {{"lines", left}});
}

}  // namespace postern::accesslog
