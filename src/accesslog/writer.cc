// See writer.h.
#include "accesslog/writer.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace postern::accesslog {
namespace {

constexpr std::size_t kBatch = std::size_t{64} << 10;
constexpr std::chrono::milliseconds kNap{100};       // how long lines may gather
constexpr std::chrono::milliseconds kIdleNap{1000};  // bounds a missed ring, see Doorbell
constexpr std::chrono::hours kOffNap{1};

std::uint64_t count_lines(std::string_view text) noexcept {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

Writer::Writer(std::string path, Sink sink, Format format, metrics::MetricsRegistry& registry)
    : registry_(registry), path_(std::move(path)), sink_(std::move(sink)), formatter_(format) {
  batch_.reserve(kBatch + 4 * kMaxRecordBytes);
}

void Writer::start() {
  // Every signal is somebody else's: with SIGPIPE and SIGXFSZ blocked, a write that fails just says so.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_setname_np(thread_.native_handle(), "access-log");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Writer::reopen() noexcept {
  wants_reopen_.store(true, std::memory_order_relaxed);
  has_orders_.store(true, std::memory_order_release);
  bell_.ring();
}

void Writer::replace(std::string path, Sink sink, Format format) {
  {
    const std::lock_guard lock(mutex_);
    next_ = Target{std::move(path), std::move(sink), format};
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
    if (stopping_at_) {
      const bool is_done = !is_blocked_ && !(sink_.is_open() && has_work());
      if (is_done || Clock::now() >= *stopping_at_) break;
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
    path_ = std::move(next->path);
    sink_ = std::move(next->sink);
    formatter_ = LineFormatter(next->format);
    is_mid_line_ = false;
    if (sent_ != 0) sent_ = std::min(batch_.find('\n', sent_ - 1) + 1, batch_.size());  // no half line in the new one
  } else {
    reopen_now();
  }
}

void Writer::reopen_now() {
  try {
    Sink fresh(path_);
    sink_ = std::move(fresh);
    is_mid_line_ = false;
    log::info("access log reopened", {{"path", path_}});
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
  if (is_blocked_ || !sink_.is_open()) return false;
  const bool had_work = has_work();
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
      if (decode(bytes, decoded)) formatter_.append(batch_, decoded);
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
  if (!sink_.is_open()) {
    give_up_on(rest);
    return true;
  }
  if (is_mid_line_ && sent_ == 0) {
    std::string_view newline = "\n";
    if (sink_.write(newline) == Sink::Outcome::done) is_mid_line_ = false;
  }
  const std::size_t before = rest.size();
  const Sink::Outcome outcome = sink_.write(rest);
  const std::string_view gone = std::string_view(batch_).substr(sent_, before - rest.size());
  registry_.count(metrics::Event::access_log_written, count_lines(gone));
  sent_ += gone.size();
  if (outcome == Sink::Outcome::blocked) return false;
  if (outcome == Sink::Outcome::failed) {
    log::warn("access log: lines are lost", {{"path", path_}, {"error", std::strerror(errno)}});
    is_mid_line_ = is_mid_line_ || (sent_ != 0 && batch_[sent_ - 1] != '\n');
    give_up_on(rest);
  }
  batch_.clear();
  sent_ = 0;
  return true;
}

void Writer::give_up_on(std::string_view unwritten) noexcept {
  registry_.count(metrics::Event::access_log_lost, count_lines(unwritten));
  batch_.clear();
  sent_ = 0;
}

void Writer::rest(bool was_busy) noexcept {
  if (is_blocked_) {
    sink_.wait_writable(kNap);
  } else if (stopping_at_) {
    return;
  } else if (!sink_.is_open()) {
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
