#include "proxy/health_probe.h"

#include <netinet/in.h>

#include <array>

#include "config/syntax.h"

namespace postern::proxy {

extern const HealthProbeKind kTcpHealth;
extern const HealthProbeKind kTlsHealth;
extern const HealthProbeKind kHttpHealth;
extern const HealthProbeKind kGrpcHealth;

namespace {

constexpr std::array kKinds{&kTcpHealth, &kTlsHealth, &kHttpHealth, &kGrpcHealth};

void set_port(net::SocketAddress& address, std::uint16_t port) noexcept {
  if (address.family() == AF_INET) reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = htons(port);
  if (address.family() == AF_INET6) reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port = htons(port);
}

}  // namespace

HealthTarget health_target(const upstream::EndpointSpec& endpoint, const upstream::HealthSpec& spec,
                           config::UpstreamProtocol protocol, std::shared_ptr<net::TlsClientContext> tls) {
  const std::optional<config::Address> parsed = config::parse_address(endpoint.name);
  HealthTarget target;
  target.address = endpoint.address;
  if (spec.port != 0) set_port(target.address, spec.port);
  target.name = endpoint.name;
  target.host = parsed && !parsed->is_unix ? parsed->host : "localhost";
  target.authority = !spec.host.empty() ? spec.host : endpoint.address.is_unix() ? target.host : endpoint.name;
  target.protocol = protocol;
  target.tls = std::move(tls);
  return target;
}

std::unique_ptr<HealthProbe> make_health_probe(net::Loop& loop, const HealthTarget& target,
                                               const upstream::HealthSpec& spec) {
  for (const HealthProbeKind* kind : kKinds) {
    if (kind->kind == spec.kind) return kind->make(loop, target, spec);
  }
  return nullptr;
}

}  // namespace postern::proxy
