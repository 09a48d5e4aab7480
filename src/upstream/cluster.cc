#include "upstream/cluster.h"

#include <utility>

namespace postern::upstream {

Cluster::Cluster(net::Loop& loop, const ClusterSpec& spec, std::shared_ptr<net::TlsClientContext> tls,
                 metrics::UpstreamRow& metrics)
    : name_(spec.name),
      identity_(spec.identity),
      connect_timeout_ms_(spec.connect_timeout_ms),
      protocol_(spec.protocol),
      shared_(spec.shared),
      health_(spec.health),
      tls_(std::move(tls)),
      metrics_(metrics) {
  for (const ClusterSpec::Address& a : spec.endpoints) {
    endpoints_.push_back(std::make_unique<Endpoint>(loop, a.name, a.address, spec.limits, metrics));
    if (health_) endpoints_.back()->set_health(EndpointHealth(health_->thresholds));
  }
}

Cluster::~Cluster() { metrics_.unhealthy.sub(unhealthy_); }

Endpoint* Cluster::pick_healthy() noexcept {
  if (unhealthy_ == endpoints_.size()) {
    metrics_.panic_picks.add();
    return next();
  }
  for (;;) {
    Endpoint* const endpoint = next();
    if (endpoint->is_healthy()) return endpoint;
  }
}

bool Cluster::record_check(Endpoint& endpoint, metrics::HealthResult result) noexcept {
  metrics_.checks[static_cast<std::size_t>(result)].add();
  if (!endpoint.record_check(result == metrics::HealthResult::serving)) return false;
  if (endpoint.is_healthy()) {
    --unhealthy_;
    metrics_.unhealthy.sub();
  } else {
    ++unhealthy_;
    metrics_.unhealthy.add();
  }
  return true;
}

void Cluster::forget_checks() noexcept {
  metrics_.unhealthy.sub(std::exchange(unhealthy_, 0));
  for (const std::unique_ptr<Endpoint>& endpoint : endpoints_) endpoint->forget_checks();
}

SharedLimits Cluster::shared_limits() noexcept {
  SharedLimits limits = shared_;
  const std::int64_t tenth = limits.max_age_ms / 10;
  if (tenth > 0)
    limits.max_age_ms += static_cast<std::int64_t>(random_.next() % static_cast<std::uint64_t>(2 * tenth + 1)) - tenth;
  return limits;
}

}  // namespace postern::upstream
