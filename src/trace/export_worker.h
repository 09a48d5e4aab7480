// The exporter's thread: takes spans from every core's ring, encodes them, sends them in batches, again later where
// that may help. Nothing waits for it: while it is held up, the rings fill and drop. Owned by Exporter.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/task_group.h"
#include "crypto/library.h"
#include "metrics/registry.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "net/signal.h"
#include "trace/exporter.h"
#include "trace/otlp.h"

namespace postern::trace {

class ExportWorker {
 public:
  /// Starts the thread.
  ExportWorker(std::vector<ByteRing*> rings, metrics::MetricsRegistry& registry);
  ~ExportWorker() { stop(std::chrono::milliseconds(0)); }
  ExportWorker(const ExportWorker&) = delete;
  ExportWorker& operator=(const ExportWorker&) = delete;

  // Control thread.
  void configure(std::optional<ExportOptions> options);
  void stop(std::chrono::milliseconds bound) noexcept;

  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  void run();
  Task<void> work();
  void use(std::optional<ExportOptions> options);
  /// Rings into the encoder, up to one batch.
  void gather();
  [[nodiscard]] bool is_due() const noexcept;
  Task<void> send();
  Task<void> pause(std::int64_t milliseconds);
  /// True: that batch is done with, one way or the other.
  bool settle(const Result<net::HttpResponse>& response, std::size_t spans);
  void give_up(std::size_t spans, const std::string& why);
  void count_leftovers();
  net::HttpRequest request();

  metrics::MetricsRegistry& registry_;
  const std::vector<ByteRing*> rings_;

  // The exporter's thread.
  crypto::Library library_;
  net::Loop loop_;
  TaskGroup tasks_;
  net::Signal wake_;
  net::Timer bound_;
  Random random_;
  std::optional<ExportOptions> next_;
  bool has_orders_ = false;
  std::optional<ExportOptions> options_;
  std::unique_ptr<SpanEncoder> encoder_;
  std::unique_ptr<net::HttpClient> client_;
  std::int64_t oldest_ms_ = 0;  // when the first span of this batch came out of its ring
  bool has_more_ = false;       // the rings hold more than the batch takes
  bool works_ = true;           // the collector took the last batch
  bool stopping_ = false;
  bool out_of_time_ = false;

  std::thread thread_;  // control thread only
};

}  // namespace postern::trace
