// One look at an endpoint's health. A kind of probe is one file, health_<kind>.cc, that defines a constinit
// HealthProbeKind and stands in health_probe.cc's table. HealthCheck makes a probe per endpoint and gives it its time.
// One core only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/task.h"
#include "config/settings.h"
#include "metrics/kinds.h"
#include "net/loop.h"
#include "net/socket_address.h"
#include "upstream/health.h"
#include "upstream/shared_upstream.h"

namespace postern::net {
class TlsClientContext;
}

namespace postern::proxy {

/// Whom to ask, and how one speaks with him.
struct HealthTarget {
  net::SocketAddress address;  // with the check's own port, where it has one
  std::string name;            // as configured: for logs
  std::string host;            // for SNI and certificates
  std::string authority;       // for Host
  config::UpstreamProtocol protocol = config::UpstreamProtocol::http1;
  std::shared_ptr<net::TlsClientContext> tls;  // nullptr: plain
};
HealthTarget health_target(const upstream::EndpointSpec& endpoint, const upstream::HealthSpec& spec,
                           config::UpstreamProtocol protocol, std::shared_ptr<net::TlsClientContext> tls);

struct HealthFinding {
  metrics::HealthResult result = metrics::HealthResult::failed;
  std::uint16_t status = 0;      // of the answer: bad_status
  std::string_view detail = {};  // static text: tls, unreachable
  bool ours = false;             // we could not ask (no descriptors): it says nothing about the endpoint
};

class HealthProbe {
 public:
  HealthProbe() = default;
  HealthProbe(const HealthProbe&) = delete;
  HealthProbe& operator=(const HealthProbe&) = delete;
  virtual ~HealthProbe() = default;

  /// One at a time. Has no clock of its own.
  virtual Task<HealthFinding> run() = 0;
  /// The run() under way ends soon, whatever it waits for. Another may follow.
  virtual void cancel() noexcept = 0;
};

struct HealthProbeKind {
  config::HealthKind kind;
  /// All three outlive the probe.
  std::unique_ptr<HealthProbe> (*make)(net::Loop& loop, const HealthTarget& target, const upstream::HealthSpec& spec);
};

std::unique_ptr<HealthProbe> make_health_probe(net::Loop& loop, const HealthTarget& target,
                                               const upstream::HealthSpec& spec);

}  // namespace postern::proxy
