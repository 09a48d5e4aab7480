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

#include "accesslog/format.h"
#include "accesslog/record.h"
#include "base/byte_ring.h"
#include "metrics/registry.h"

namespace postern::accesslog {

class Writer;
class Doorbell;

struct Options {
  std::string path;  // "": off, "stdout", "stderr", or a file
  Format format = Format::json;
  std::size_t ring_entries = 4096;  // per core; an entry is counted as 256 bytes
};

/// One core's end. That core's thread only.
class CoreLog {
 public:
  [[nodiscard]] bool is_enabled() const noexcept { return enabled_.load(std::memory_order_relaxed); }
  /// Once per finished request, when is_enabled(). Never blocks; a full ring drops and counts.
  void write(const AccessRecord& record) noexcept;

 private:
  friend class AccessLog;
  CoreLog(ByteRing& ring, Doorbell& bell, const std::atomic<bool>& enabled, metrics::CoreMetrics& metrics) noexcept
      : ring_(ring), bell_(bell), enabled_(enabled), metrics_(metrics) {}

  ByteRing& ring_;
  Doorbell& bell_;
  const std::atomic<bool>& enabled_;
  metrics::CoreMetrics& metrics_;
};

class AccessLog {
 public:
  /// Opens the file; throws std::system_error with one line to show when that fails. Starts no thread yet.
  AccessLog(const Options& options, metrics::MetricsRegistry& registry);
  ~AccessLog();  // as stop() with a second

  /// Before start(); one for each core. The references live as long as this object.
  CoreLog& add_core(metrics::CoreMetrics& metrics);
  void start();

  /// SIGUSR1: the file is opened anew under its name (log rotation). When that fails the old one stays in use.
  void reopen() noexcept;
  /// Reload: another path or format (ring size stays). Throws like the constructor, and then nothing has changed.
  void configure(const Options& options);
  /// Writes what the rings hold and ends the thread, for at most `bound`; what is left then is counted as lost.
  void stop(std::chrono::milliseconds bound) noexcept;

 private:
  const std::size_t ring_bytes_;
  std::atomic<bool> enabled_;
  std::unique_ptr<Writer> writer_;
  std::vector<std::unique_ptr<CoreLog>> cores_;
};

}  // namespace postern::accesslog
