// See access_log.h.
#include "accesslog/access_log.h"

#include <algorithm>
#include <utility>

#include "accesslog/doorbell.h"
#include "accesslog/writer.h"

namespace postern::accesslog {
namespace {

constexpr std::size_t kBytesPerEntry = 256;  // a JSON record of a browser's request takes 250 to 400
constexpr std::size_t kMinRing = 8 * kMaxRecordBytes;

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
    : ring_bytes_(std::max(options.ring_entries * kBytesPerEntry, kMinRing)),
      enabled_(!options.path.empty()),
      writer_(std::make_unique<Writer>(options.path, Sink(options.path), options.format, registry)) {}

AccessLog::~AccessLog() = default;

CoreLog& AccessLog::add_core(metrics::CoreMetrics& metrics) {
  ByteRing& ring = writer_->add_ring(ring_bytes_);
  return *cores_.emplace_back(new CoreLog(ring, writer_->bell(), enabled_, metrics));
}

void AccessLog::start() { writer_->start(); }

void AccessLog::reopen() noexcept { writer_->reopen(); }

void AccessLog::configure(const Options& options) {
  writer_->replace(options.path, Sink(options.path), options.format);
  enabled_.store(!options.path.empty(), std::memory_order_relaxed);
}

void AccessLog::stop(std::chrono::milliseconds bound) noexcept { writer_->stop(bound); }

}  // namespace postern::accesslog
