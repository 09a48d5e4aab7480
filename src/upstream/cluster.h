// One upstream on one core: its endpoints as this core uses them, and whose turn it is. Takes set and health over from
// the process's SharedUpstream when that has moved (one comparison per pick).
// Looked up by the pipeline through the generation; balancers (src/balance/) stand behind pick(). One core only.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "config/settings.h"
#include "crypto/secret_text.h"
#include "upstream/ejector.h"
#include "upstream/endpoint.h"
#include "upstream/level.h"
#include "upstream/shared_upstream.h"
#include "upstream/traffic.h"

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
  std::string name;
  Endpoint::Limits limits;
  std::int64_t connect_timeout_ms = 2'000;
  config::UpstreamProtocol protocol = config::UpstreamProtocol::http1;
  SharedLimits shared;
  std::optional<QueueSettings> queue;  // none: what finds no room is refused
  EjectionSpec ejection;
  const BalancerKind* balancer = nullptr;                // nullptr: in turn
  std::int64_t slow_start_ms = 0;                        // 0: all at once
  double panic_threshold = 0.5;                          // see LevelOptions
  std::string zone;                                      // this proxy's own; empty: zones do not matter
  std::shared_ptr<const crypto::SecretText> sticky_key;  // nullptr: endpoints have no tokens
  std::string identity;  // everything that must be equal to share, but endpoints and TLS material
};

struct PickRequest {
  Nanoseconds now = 0;
  std::optional<std::uint64_t> key = {};      // what the balancer hashes
  std::optional<std::uint64_t> sticky = {};   // id of the endpoint that this client had before
  std::span<const std::uint64_t> tried = {};  // ids of endpoints: another one is wanted, if there is any
};

class Cluster {
 public:
  Cluster(net::Loop& loop, ClusterSpec spec, std::shared_ptr<SharedUpstream> shared,
          std::shared_ptr<net::TlsClientContext> tls, metrics::UpstreamRow& metrics);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster();

  /// The endpoint that a client's cookie names, if we made that cookie and have that endpoint.
  [[nodiscard]] std::optional<std::uint64_t> find_token(std::string_view token) noexcept;
  /// An endpoint to try. Those that are out are picked only in a panic. Empty: there is none.
  EndpointPin pick(const PickRequest& request) noexcept;
  /// A request is on its way there, until the answer is gone. Every try has one.
  [[nodiscard]] static InFlight begin(Endpoint& endpoint) noexcept { return InFlight(endpoint); }
  /// Once per try. `took`: to the answer's first byte, or to the failure.
  void report(Endpoint& endpoint, TryOutcome outcome, Nanoseconds now, Nanoseconds took) noexcept {
    endpoint.record(outcome, now, took);
    ejector_.record(endpoint.state(), endpoint.counts(), outcome, now);
  }

  /// Takes over what has changed since; pick() does it by itself.
  void refresh() noexcept;

  /// As of the last refresh. Whoever keeps one keeps a pin.
  [[nodiscard]] const std::vector<EndpointPin>& endpoints() const noexcept { return endpoints_; }
  [[nodiscard]] std::size_t size() const noexcept { return endpoints_.size(); }
  [[nodiscard]] const std::string& name() const noexcept { return spec_.name; }
  [[nodiscard]] const std::string& identity() const noexcept { return spec_.identity; }
  [[nodiscard]] const std::shared_ptr<SharedUpstream>& shared() const noexcept { return shared_; }
  [[nodiscard]] std::int64_t connect_timeout_ms() const noexcept { return spec_.connect_timeout_ms; }
  [[nodiscard]] config::UpstreamProtocol protocol() const noexcept { return spec_.protocol; }
  /// For one more connection: its age limit is up to a tenth shorter or longer, so that they do not all end at once.
  [[nodiscard]] SharedLimits shared_limits() noexcept;
  [[nodiscard]] std::size_t streams_per_connection() const noexcept { return spec_.shared.max_streams; }
  [[nodiscard]] const std::shared_ptr<net::TlsClientContext>& tls() const noexcept { return tls_; }
  metrics::UpstreamRow& metrics() noexcept { return metrics_; }
  Traffic& traffic() noexcept { return traffic_; }

 private:
  void take_over();
  Endpoint* find(std::uint64_t id) const noexcept;
  Endpoint* pick_untried(const PickRequest& request, Level& first) noexcept;
  Level& draw(const PickRequest& request) noexcept;

  net::Loop& loop_;
  const ClusterSpec spec_;
  const std::shared_ptr<SharedUpstream> shared_;
  const std::shared_ptr<net::TlsClientContext> tls_;  // nullptr: plain
  metrics::UpstreamRow& metrics_;
  Ejector ejector_;
  Random random_;
  Traffic traffic_;
  std::uint64_t epoch_ = 0;  // of what was taken over last
  std::vector<EndpointPin> endpoints_;
  std::vector<Level> levels_;     // refer to endpoints_
  Nanoseconds next_warm_up_ = 0;  // 0: nobody starts slowly
};

}  // namespace postern::upstream
