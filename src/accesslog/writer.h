// The access log's thread: takes records from every core's ring, makes lines, writes them in batches.
// AccessLog owns it and calls it from the control thread; a slow or full disk is its problem alone.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "accesslog/doorbell.h"
#include "accesslog/format.h"
#include "accesslog/sink.h"
#include "base/byte_ring.h"
#include "metrics/registry.h"

namespace postern::accesslog {

class Writer {
 public:
  Writer(std::string path, Sink sink, Format format, metrics::MetricsRegistry& registry);
  ~Writer() { stop(std::chrono::seconds(1)); }

  // Control thread. Rings are added before start().
  ByteRing& add_ring(std::size_t bytes) { return *rings_.emplace_back(std::make_unique<ByteRing>(bytes)); }
  Doorbell& bell() noexcept { return bell_; }
  void start();
  void reopen() noexcept;
  void replace(std::string path, Sink sink, Format format);
  void stop(std::chrono::milliseconds bound) noexcept;

 private:
  struct Target {
    std::string path;
    Sink sink;
    Format format;
  };
  using Clock = std::chrono::steady_clock;

  void run() noexcept;
  void take_orders();
  void reopen_now();
  /// One walk over what the rings hold now. True: there was something.
  bool drain();
  void drain(ByteRing& ring);
  /// Sends the batch. False: the sink would block, and the batch stays.
  bool flush() noexcept;
  void give_up_on(std::string_view unwritten) noexcept;
  void rest(bool was_busy) noexcept;
  bool has_work() noexcept;
  void count_leftovers() noexcept;

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
  std::string path_;
  Sink sink_;
  LineFormatter formatter_;
  std::string batch_;
  std::size_t sent_ = 0;      // of batch_
  bool is_mid_line_ = false;  // the file ends in a torn line
  bool is_blocked_ = false;
  std::optional<Clock::time_point> stopping_at_;
};

}  // namespace postern::accesslog
