// Cross checks on [upstream.health] and [upstream.ejection]. Called by validate() for each upstream.
#include <algorithm>

#include "config/syntax.h"
#include "config/validate.h"

namespace postern::config {
namespace {

/// Keys of one kind beside another: whoever wrote them believes that something is looked at which is not.
void check_strays(const UpstreamHealth& health, const std::string& path, Report& report) {
  const bool http = health.kind == HealthKind::http;
  if (health.kind != HealthKind::grpc && !health.service.empty())
    report.add(path + ".service", "has no effect unless kind is \"grpc\"");
  if (!http && !health.expected_body.empty())
    report.add(path + ".expected_body", "has no effect unless kind is \"http\"");
  if (!http && !health.host.empty()) report.add(path + ".host", "has no effect unless kind is \"http\"");
  if (!http && health.path != "/") report.add(path + ".path", "has no effect unless kind is \"http\"");
}

void check_body(const UpstreamHealth& health, const std::string& path, Report& report) {
  if (health.expected_body.empty()) return;
  if (health.method == HealthMethod::head) report.add(path + ".expected_body", "the answer to HEAD has no body");
  if (health.expected_body.size() > health.max_body && !report.is_faulty(path + ".max_body"))
    report.add(path + ".expected_body", "longer than max_body");
}

void check_active(const Upstream& upstream, const std::string& path, Report& report) {
  const UpstreamHealth& health = *upstream.health;
  if (report.is_faulty(path + ".kind")) return;
  check_strays(health, path, report);
  if (health.kind == HealthKind::http && health.expected_status.empty() && !report.is_faulty(path + ".expected_status"))
    report.add(path + ".expected_status", "must not be empty", "a list such as [\"200-299\"]");
  if (health.kind == HealthKind::http) check_body(health, path, report);
  const auto is_unix = [](const std::string& endpoint) { return endpoint.starts_with("unix:"); };
  if (health.port != 0 && std::any_of(upstream.endpoints.begin(), upstream.endpoints.end(), is_unix))
    report.add(path + ".port", "a Unix socket among the endpoints has no port");
}

void check_protocol(const Upstream& upstream, const std::string& path, Report& report) {
  const std::string kind = path + ".health.kind";
  if (report.is_faulty(kind)) return;
  if (upstream.health->kind == HealthKind::tls && !upstream.tls)
    report.add(kind, "nothing says how to speak TLS", "a table [upstream.tls]");
  if (upstream.health->kind != HealthKind::grpc || report.is_faulty(path + ".protocol")) return;
  const bool may_agree = upstream.protocol == UpstreamProtocol::automatic && upstream.tls;
  if (upstream.protocol == UpstreamProtocol::h2 || may_agree) return;
  report.add(kind, "gRPC needs HTTP/2", "protocol = \"h2\", or \"auto\" with [upstream.tls]");
}

}  // namespace

void validate_health(const Upstream& upstream, const std::string& path, Report& report) {
  if (upstream.health && !report.is_faulty(path + ".health")) {
    check_active(upstream, path + ".health", report);
    check_protocol(upstream, path, report);
  }
  const std::string ejection = path + ".ejection";
  if (upstream.ejection.max_time < upstream.ejection.base_time && !report.is_faulty(ejection + ".max_time") &&
      !report.is_faulty(ejection + ".base_time"))
    report.add(ejection + ".max_time", "shorter than base_time");
}

}  // namespace postern::config
