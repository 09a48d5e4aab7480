// One upstream on one core: its endpoints, and whose turn it is.
// Looked up by the pipeline through the generation. One core only. Later issues put balancers behind pick().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "config/settings.h"
#include "upstream/endpoint.h"
#include "upstream/health.h"

namespace postern::net {
class TlsClientContext;
}

namespace postern::upstream {

/// Of connections that carry many requests at once (HTTP/2).
struct SharedLimits {
  std::uint32_t max_streams = 100;  // at a time
  std::int64_t max_age_ms = 0;      // 0: none
  std::uint64_t max_requests = 0;   // 0: none
  std::int64_t idle_timeout_ms = 4'000;
};

/// What a cluster is made from; equal specs of two generations share one cluster, with its kept connections.
struct ClusterSpec {
  struct Address {
    std::string name;
    net::SocketAddress address;
  };
  std::string name;
  std::vector<Address> endpoints;
  Endpoint::Limits limits;
  std::int64_t connect_timeout_ms = 2'000;
  config::UpstreamProtocol protocol = config::UpstreamProtocol::http1;
  SharedLimits shared;
  std::optional<HealthSpec> health;  // none: every endpoint counts as healthy
  std::string identity;              // everything that must be equal to share, TLS material included
};

class Cluster {
 public:
  Cluster(net::Loop& loop, const ClusterSpec& spec, std::shared_ptr<net::TlsClientContext> tls,
          metrics::UpstreamRow& metrics);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster();

  /// Round robin over the healthy ones; over all when none is healthy: checks may be wrong, and no answer is sure to
  /// be. nullptr when the upstream has no endpoint. Asking again gives the next one.
  Endpoint* pick() noexcept { return unhealthy_ == 0 ? next() : pick_healthy(); }
  /// What a check of the endpoint came to; true: it has become healthy, or unhealthy, by that.
  bool record_check(Endpoint& endpoint, metrics::HealthResult result) noexcept;
  /// Nobody checks any more: what was known counts no longer.
  void forget_checks() noexcept;
  [[nodiscard]] std::size_t unhealthy() const noexcept { return unhealthy_; }
  [[nodiscard]] const std::optional<HealthSpec>& health() const noexcept { return health_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Endpoint>>& endpoints() const noexcept { return endpoints_; }
  [[nodiscard]] std::size_t size() const noexcept { return endpoints_.size(); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& identity() const noexcept { return identity_; }
  [[nodiscard]] std::int64_t connect_timeout_ms() const noexcept { return connect_timeout_ms_; }
  [[nodiscard]] config::UpstreamProtocol protocol() const noexcept { return protocol_; }
  /// For one more connection: its age limit is up to a tenth shorter or longer, so that they do not all end at once.
  [[nodiscard]] SharedLimits shared_limits() noexcept;
  [[nodiscard]] std::size_t streams_per_connection() const noexcept { return shared_.max_streams; }
  [[nodiscard]] const std::shared_ptr<net::TlsClientContext>& tls() const noexcept { return tls_; }
  metrics::UpstreamRow& metrics() noexcept { return metrics_; }

 private:
  Endpoint* next() noexcept {
    if (endpoints_.empty()) return nullptr;
    if (turn_ >= endpoints_.size()) turn_ = 0;
    return endpoints_[turn_++].get();
  }
  Endpoint* pick_healthy() noexcept;

  const std::string name_;
  const std::string identity_;
  const std::int64_t connect_timeout_ms_;
  const config::UpstreamProtocol protocol_;
  const SharedLimits shared_;
  const std::optional<HealthSpec> health_;
  const std::shared_ptr<net::TlsClientContext> tls_;  // nullptr: plain
  metrics::UpstreamRow& metrics_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  Random random_;
  std::size_t turn_ = 0;
  std::size_t unhealthy_ = 0;
};

}  // namespace postern::upstream
