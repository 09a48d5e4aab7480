#include "upstream/cluster.h"

namespace postern::upstream {

Cluster::Cluster(net::Loop& loop, const ClusterSpec& spec, std::shared_ptr<net::TlsClientContext> tls,
                 metrics::UpstreamRow& metrics)
    : name_(spec.name),
      identity_(spec.identity),
      connect_timeout_ms_(spec.connect_timeout_ms),
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

}  // namespace postern::upstream
