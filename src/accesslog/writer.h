// The access log's thread: takes records from every core's ring, makes lines, writes them in batches.
// AccessLog owns it and calls it from the control thread; a slow or full disk is its problem alone: lines wait in the
// rings until these are full, and what comes then is dropped and counted there.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "accesslog/format.h"
#include "accesslog/line_sink.h"
#include "base/byte_ring.h"
#include "base/doorbell.h"
#include "metrics/registry.h"

namespace postern::accesslog {

class Writer {
 public:
  /// What lines go into and how they look; no sink: nowhere.
  struct Target {
    std::string path;  // as in the config, for the log
    LineSinkPtr sink;
    LineFormatter formatter;
  };

  Writer(Target target, metrics::MetricsRegistry& registry);
  ~Writer() { stop(std::chrono::seconds(1)); }

  // Control thread. Rings are added before start().
  ByteRing& add_ring(std::size_t bytes) { return *rings_.emplace_back(std::make_unique<ByteRing>(bytes)); }
  Doorbell& bell() noexcept { return bell_; }
  void start();
  void reopen() noexcept;
  void replace(Target target);
  void stop(std::chrono::milliseconds bound) noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  void run() noexcept;
  void take_orders();
  void reopen_now();
  /// One walk over what the rings hold now. True: there was something.
  bool drain();
  void drain(ByteRing& ring);
  /// Sends the batch. False: the sink cannot take it now, and the batch stays.
  bool flush() noexcept;
  /// Counts what has gone, and says once when lines have to wait and when they go on.
  void note(LineSink::Outcome outcome, std::string_view gone, int why) noexcept;
  void give_up_on(std::string_view unwritten) noexcept;
  void rest(bool was_busy) noexcept;
  bool has_work() noexcept;
  void count_leftovers() noexcept;
  [[nodiscard]] std::uint64_t dropped() const noexcept;  // by the rings

  metrics::MetricsRegistry& registry_;
  std::vector<std::unique_ptr<ByteRing>> rings_;
  Doorbell bell_;
  std::thread thread_;

  // Orders from the control thread.
  std::mutex mutex_;  // guards next_ and stop_at_
  std::optional<Target> next_;
  std::optional<Clock::time_point> stop_at_;
  std::atomic<bool> has_orders_{false};
  std::atomic<bool> wants_reopen_{false};

  // Writer thread.
  Target target_;
  std::int64_t clock_offset_ = 0;
  std::string batch_;
  std::size_t sent_ = 0;         // of batch_
  bool is_blocked_ = false;      // for the reason below, or by a slow reader
  bool is_unavailable_ = false;  // a full disk, a server that is gone
  std::uint64_t dropped_before_ = 0;
  std::optional<Clock::time_point> stopping_at_;
};

}  // namespace postern::accesslog
