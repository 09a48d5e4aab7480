// Shows other threads that a core's event loop runs, and how late it is: a timer of the loop writes down the time.
// Ticks on its core; read from any thread.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "metrics/core_metrics.h"
#include "net/loop.h"

namespace postern::server {

class Heartbeat {
 public:
  static constexpr std::int64_t kEveryMs = 200;

  Heartbeat(net::Loop& loop, metrics::CoreMetrics& metrics) noexcept;

  /// On the core's thread, when it begins.
  void start() noexcept;

  /// When the loop last ran, in milliseconds of the monotonic clock; 0 before it began. Any thread.
  [[nodiscard]] std::int64_t last_ms() const noexcept { return last_ms_.load(std::memory_order_relaxed); }
  /// How late the last tick came, or the next one is by now. Any thread.
  [[nodiscard]] std::int64_t lag_ms(std::int64_t now_ms) const noexcept;
  /// The core's thread, 0 before it began. Any thread.
  [[nodiscard]] pid_t thread() const noexcept { return thread_.load(std::memory_order_relaxed); }

 private:
  void beat() noexcept;

  net::Loop& loop_;
  metrics::CoreMetrics& metrics_;
  net::Timer timer_;
  Nanoseconds due_ = 0;
  std::atomic<std::int64_t> last_ms_{0};
  std::atomic<std::int64_t> lag_ms_{0};
  std::atomic<pid_t> thread_{0};
};

}  // namespace postern::server
