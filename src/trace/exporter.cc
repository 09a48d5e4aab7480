// See exporter.h.
#include "trace/exporter.h"

#include <tuple>

#include "trace/export_worker.h"

namespace postern::trace {
namespace {

/// Everything that the worker goes by.
auto parts_of(const ExportOptions& options) {
  const config::TraceOtlp& otlp = options.otlp;
  const config::OtlpTls& tls = otlp.tls;
  return std::tie(options.resource, options.tls_material, otlp.endpoint, otlp.encoding, otlp.compression, otlp.headers,
                  otlp.timeout, otlp.interval, otlp.batch, tls.ca, tls.sni, tls.cert, tls.key);
}

bool are_same(const std::optional<ExportOptions>& a, const std::optional<ExportOptions>& b) {
  return a && b ? parts_of(*a) == parts_of(*b) : !a && !b;
}

}  // namespace

std::optional<ExportOptions> export_options(const std::optional<config::Trace>& trace,
                                            std::shared_ptr<const net::TlsMaterial> tls_material) {
  if (!trace || !trace->otlp) return std::nullopt;
  ExportOptions options{*trace->otlp, {{"service.name", trace->service_name}}, std::move(tls_material)};
  options.resource.insert(options.resource.end(), trace->resource.begin(), trace->resource.end());
  return options;
}

config::UpstreamTls tls_of(const config::OtlpTls& tls) {
  config::UpstreamTls settings;
  settings.ca = tls.ca;
  settings.sni = tls.sni;
  settings.cert = tls.cert;
  settings.key = tls.key;
  return settings;
}

Exporter::Exporter(metrics::MetricsRegistry& registry, std::size_t queue)
    : registry_(registry), ring_bytes_(queue * kRingBytesPerSpan) {}

Exporter::~Exporter() { stop(std::chrono::seconds(1)); }

CoreTracer& Exporter::add_core(metrics::CoreMetrics& metrics) {
  ByteRing& ring = *rings_.emplace_back(std::make_unique<ByteRing>(ring_bytes_));
  return *cores_.emplace_back(std::make_unique<CoreTracer>(ring, metrics));
}

void Exporter::configure(std::optional<ExportOptions> options) {
  if (are_same(options, options_)) return;
  options_ = options;
  if (!worker_) {
    if (!options) return;
    std::vector<ByteRing*> rings;
    for (const auto& ring : rings_) rings.push_back(ring.get());
    worker_ = std::make_unique<ExportWorker>(std::move(rings), registry_);
  }
  worker_->configure(std::move(options));
}

void Exporter::stop(std::chrono::milliseconds bound) noexcept {
  if (!worker_) return;
  worker_->stop(bound);
  worker_.reset();
}

}  // namespace postern::trace
