// See access_log.h.
#include "accesslog/access_log.h"

#include <algorithm>
#include <utility>

#include "accesslog/open_sink.h"
#include "accesslog/writer.h"

namespace postern::accesslog {
namespace {

constexpr std::size_t kBytesPerEntry = 256;  // a JSON record of a browser's request takes 250 to 400
constexpr std::size_t kMinRing = 8 * kMaxRecordBytes;

Writer::Target open_target(const Options& options, metrics::MetricsRegistry& registry) {
  return {options.path, open_sink(options, registry), LineFormatter(options.format, options.line_template)};
}

}  // namespace

void CoreLog::write(const AccessRecord& record) noexcept {
  if (append(ring_, record)) [[likely]] {
    bell_.ring_if_idle();
    if (ring_.is_half_full()) bell_.ring();
  } else {
    metrics_.access_log_dropped();
    bell_.ring();
  }
}

AccessLog::AccessLog(const Options& options, metrics::MetricsRegistry& registry)
    : options_(options),
      registry_(registry),
      ring_bytes_(std::max(options.ring_entries * kBytesPerEntry, kMinRing)),
      writer_(std::make_unique<Writer>(open_target(options, registry), registry)) {
  tell_cores();
}

AccessLog::~AccessLog() = default;

CoreLog& AccessLog::add_core(metrics::CoreMetrics& metrics) {
  ByteRing& ring = writer_->add_ring(ring_bytes_);
  return *cores_.emplace_back(new CoreLog(ring, writer_->bell(), orders_, metrics));
}

void AccessLog::start() { writer_->start(); }

void AccessLog::reopen() noexcept { writer_->reopen(); }

void AccessLog::configure(const Options& options) {
  if (options == options_) return;
  writer_->replace(open_target(options, registry_));
  options_ = options;
  tell_cores();
}

void AccessLog::tell_cores() noexcept {
  orders_.keep_below.store(keep_below(options_.sample), std::memory_order_relaxed);
  orders_.is_enabled.store(!options_.path.empty(), std::memory_order_relaxed);
}

void AccessLog::stop(std::chrono::milliseconds bound) noexcept { writer_->stop(bound); }

}  // namespace postern::accesslog
