// One config generation. Snapshot: what all cores share, immutable. Generation: the same as one core uses it, with that
// core's TLS contexts and clusters. A request pins its Generation until its last byte; pins are plain counts of one
// core.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "metrics/core_metrics.h"
#include "net/cidr.h"
#include "proxy/access_rule.h"
#include "proxy/hash_key.h"
#include "proxy/sticky.h"
#include "route/table.h"
#include "trace/settings.h"
#include "upstream/cluster.h"
#include "upstream/health.h"
#include "wire/h1_settings.h"
#include "wire/h2_settings.h"

namespace postern::net {
class TlsMaterial;
class TlsServerContext;
}  // namespace postern::net
namespace postern::crypto {
class TicketKeys;
}
namespace postern::identity {
struct AssertionKey;
struct IdentitySources;
}  // namespace postern::identity

namespace postern::proxy {

/// A listener as requests and connections need it.
struct ListenerPolicy {
  std::string name;
  metrics::Slot slot = 0;
  wire::H1Settings h1;
  wire::H2Settings h2;
  net::CidrList trusted_proxies;
  net::CidrList proxy_protocol_from;
  config::TraceTrust trace_trust = config::TraceTrust::trusted;
  std::uint32_t max_connections = 0;              // per core; 0: no limit
  std::uint32_t max_connections_per_address = 0;  // of the process; 0: no limit
  bool essential = false;                         // overload refuses nothing here
  std::int64_t tls_handshake_timeout_ms = 5'000;
  std::shared_ptr<const net::TlsMaterial> tls_material;  // nullptr: plain
  std::shared_ptr<const crypto::TicketKeys> ticket_keys;
  config::ServerTls tls_settings;
  bool strict_server_name = false;  // Host must be covered by the certificate that SNI chose (421)
};

/// A route's policies, of the same snapshot; nullptr: it names none.
struct RoutePolicies {
  const policy::Policy* effective = nullptr;
  const policy::Policy* shadow = nullptr;
};

struct Snapshot {
  std::uint64_t number = 0;
  std::size_t cores = 1;  // that share it
  config::Settings settings;
  std::vector<ListenerPolicy> listeners;
  std::unique_ptr<const route::RouteTable> routes;
  std::unique_ptr<const policy::PolicySet> policies;
  std::vector<RoutePolicies> route_policies;                 // by Route::index
  std::shared_ptr<const trace::Settings> tracing;            // nullptr: off
  std::shared_ptr<const net::TlsMaterial> tracing_material;  // towards an https collector
  std::vector<metrics::Slot> route_slots;                    // by Route::index
  std::shared_ptr<const AccessRules> access = std::make_shared<const AccessRules>();
  std::shared_ptr<const identity::AssertionKey> assertion_key;  // nullptr: nothing is asserted
  std::shared_ptr<const identity::IdentitySources> identity;    // as of its making; nullptr: nobody is asked
  struct UpstreamSpec {
    upstream::ClusterSpec cluster;
    std::optional<upstream::HealthSpec> health;        // none: endpoints are not checked
    std::shared_ptr<upstream::SharedUpstream> shared;  // the same over reloads
    std::vector<upstream::EndpointSpec> endpoints;     // assigned when the snapshot is accepted, unless
    bool discovered = false;                           // somebody finds them: server/discoveries.h
    HashKeySpec hash_key;
    std::optional<StickyPolicy> sticky;
    metrics::Slot slot = 0;
    std::shared_ptr<const net::TlsMaterial> tls_material;  // nullptr: plain
    config::UpstreamTls tls_settings;
  };
  std::vector<UpstreamSpec> upstreams;
  metrics::SlotCounts slots;
};

/// This core's view. Made and destroyed on its core.
class Generation {
 public:
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<std::shared_ptr<upstream::Cluster>> clusters;       // as snapshot->upstreams
  std::vector<std::shared_ptr<const net::TlsServerContext>> tls;  // as snapshot->listeners

 private:
  friend class GenerationPin;
  std::uint32_t pins_ = 0;
};

/// Keeps a Generation alive. One core only: no atomics.
class GenerationPin {
 public:
  GenerationPin() = default;
  explicit GenerationPin(Generation* generation) noexcept : generation_(generation) {
    if (generation_) ++generation_->pins_;
  }
  GenerationPin(const GenerationPin& other) noexcept : GenerationPin(other.generation_) {}
  GenerationPin(GenerationPin&& other) noexcept : generation_(std::exchange(other.generation_, nullptr)) {}
  GenerationPin& operator=(GenerationPin other) noexcept {
    std::swap(generation_, other.generation_);
    return *this;
  }
  ~GenerationPin() {
    if (generation_ && --generation_->pins_ == 0) delete generation_;
  }
  Generation* operator->() const noexcept { return generation_; }
  Generation& operator*() const noexcept { return *generation_; }
  explicit operator bool() const noexcept { return generation_ != nullptr; }

 private:
  Generation* generation_ = nullptr;
};

}  // namespace postern::proxy
