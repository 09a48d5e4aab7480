// Spans as the server sees them: a ring per core, and one thread that sends what the rings hold to the collector.
// Owned by the server on the control thread. A core calls CoreTracer; everything else is the control thread's.
// The thread has a loop of its own: names, TLS, encoding and a collector that hangs disturb nobody else.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "base/byte_ring.h"
#include "base/random.h"
#include "config/settings.h"
#include "metrics/registry.h"
#include "trace/span.h"

namespace postern::net {
class TlsMaterial;
}

namespace postern::trace {

class ExportWorker;

struct ExportOptions {
  config::TraceOtlp otlp;
  config::NameValues resource;                           // service.name among them
  std::shared_ptr<const net::TlsMaterial> tls_material;  // for an https endpoint
};

/// nullopt: nothing is exported.
std::optional<ExportOptions> export_options(const std::optional<config::Trace>& trace,
                                            std::shared_ptr<const net::TlsMaterial> tls_material);
/// As TlsMaterial and TlsClientContext want it.
config::UpstreamTls tls_of(const config::OtlpTls& tls);

/// One core's end. That core's thread only.
class CoreTracer {
 public:
  CoreTracer(ByteRing& ring, metrics::CoreMetrics& metrics) : ring_(ring), metrics_(metrics) {}

  /// A span that has ended. Never blocks; a full ring drops and counts.
  void record(const SpanRecord& span) noexcept {
    if (!append(ring_, span)) metrics_.span_dropped();
  }
  Random& random() noexcept { return random_; }

 private:
  ByteRing& ring_;
  metrics::CoreMetrics& metrics_;
  Random random_;
};

class Exporter {
 public:
  static constexpr std::size_t kDefaultQueue = 4096;

  /// `queue`: spans per core. It costs memory only once spans are recorded.
  Exporter(metrics::MetricsRegistry& registry, std::size_t queue);
  ~Exporter();  // as stop() with a second

  /// Before the first configure(); one for each core. The references live as long as this object.
  CoreTracer& add_core(metrics::CoreMetrics& metrics);
  /// At start and at each reload: where to from now on. The thread starts when it is first needed.
  void configure(std::optional<ExportOptions> options);
  /// The cores have ended: sends what the rings hold, for at most `bound`; what is left then is counted as lost.
  void stop(std::chrono::milliseconds bound) noexcept;

 private:
  metrics::MetricsRegistry& registry_;
  const std::size_t ring_bytes_;
  std::vector<std::unique_ptr<ByteRing>> rings_;
  std::vector<std::unique_ptr<CoreTracer>> cores_;
  std::optional<ExportOptions> options_;
  std::unique_ptr<ExportWorker> worker_;
};

}  // namespace postern::trace
