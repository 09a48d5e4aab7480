// The access log as the server sees it: a ring per core, and one writer thread that turns records into lines.
// Owned by the server on the control thread. A core calls write(); everything else is the control thread's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "accesslog/options.h"
#include "accesslog/record.h"
#include "accesslog/sample.h"
#include "base/byte_ring.h"
#include "base/doorbell.h"
#include "metrics/registry.h"

namespace postern::accesslog {

class Writer;

/// What the control thread tells all cores.
struct CoreOrders {
  std::atomic<bool> is_enabled{false};
  std::atomic<std::uint64_t> keep_below{kKeepAll};
};

/// One core's end. That core's thread only.
class CoreLog {
 public:
  [[nodiscard]] bool is_enabled() const noexcept { return orders_.is_enabled.load(std::memory_order_relaxed); }
  /// Once per finished request, when is_enabled(): whether it is among those that are written. `has_failed`: it has an
  /// error or a 5xx, and always is.
  [[nodiscard]] bool wants(std::string_view request_id, bool has_failed) noexcept {
    const std::uint64_t below = orders_.keep_below.load(std::memory_order_relaxed);
    if (has_failed || keeps(request_id, below)) [[likely]]
      return true;
    metrics_.access_log_sampled_out();
    return false;
  }
  /// Never blocks; a full ring drops and counts.
  void write(const AccessRecord& record) noexcept;

 private:
  friend class AccessLog;
  CoreLog(ByteRing& ring, Doorbell& bell, const CoreOrders& orders, metrics::CoreMetrics& metrics) noexcept
      : ring_(ring), bell_(bell), orders_(orders), metrics_(metrics) {}

  ByteRing& ring_;
  Doorbell& bell_;
  const CoreOrders& orders_;
  metrics::CoreMetrics& metrics_;
};

class AccessLog {
 public:
  /// Opens the file; throws std::system_error with one line to show when that fails. The writer starts with start().
  AccessLog(const Options& options, metrics::MetricsRegistry& registry);
  ~AccessLog();  // as stop() with a second

  /// Before start(); one for each core. The references live as long as this object.
  CoreLog& add_core(metrics::CoreMetrics& metrics);
  void start();

  /// SIGUSR1: the file is opened anew under its name (log rotation). When that fails the old one stays in use.
  void reopen() noexcept;
  /// Reload (ring size stays). Throws like the constructor, and then nothing has changed. The same options again: no
  /// file or connection is touched.
  void configure(const Options& options);
  /// Writes what the rings hold and ends the thread, for at most `bound`; what is left then is counted as lost.
  void stop(std::chrono::milliseconds bound) noexcept;

 private:
  void tell_cores() noexcept;

  Options options_;
  metrics::MetricsRegistry& registry_;
  const std::size_t ring_bytes_;
  CoreOrders orders_;
  std::unique_ptr<Writer> writer_;
  std::vector<std::unique_ptr<CoreLog>> cores_;
};

}  // namespace postern::accesslog
