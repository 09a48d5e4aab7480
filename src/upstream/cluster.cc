#include "upstream/cluster.h"

namespace postern::upstream {

Cluster::Cluster(net::Loop& loop, const ClusterSpec& spec, std::shared_ptr<net::TlsClientContext> tls,
                 metrics::UpstreamRow& metrics)
    : name_(spec.name),
      identity_(spec.identity),
      connect_timeout_ms_(spec.connect_timeout_ms),
      protocol_(spec.protocol),
      shared_(spec.shared),
      tls_(std::move(tls)),
      metrics_(metrics) {
  for (const ClusterSpec::Address& a : spec.endpoints) {
    endpoints_.push_back(std::make_unique<Endpoint>(loop, a.name, a.address, spec.limits, metrics));
  }
}

Endpoint* Cluster::pick() noexcept {
  if (endpoints_.empty()) return nullptr;
  if (turn_ >= endpoints_.size()) turn_ = 0;
  return endpoints_[turn_++].get();
}

SharedLimits Cluster::shared_limits() noexcept {
  SharedLimits limits = shared_;
  const std::int64_t tenth = limits.max_age_ms / 10;
  if (tenth > 0)
    limits.max_age_ms += static_cast<std::int64_t>(random_.next() % static_cast<std::uint64_t>(2 * tenth + 1)) - tenth;
  return limits;
}

}  // namespace postern::upstream
