#include "server/build_health.h"

#include "config/syntax.h"

namespace postern::server {

upstream::HealthSpec health_spec(const config::UpstreamHealth& health) {
  upstream::HealthSpec spec;
  spec.kind = health.kind;
  spec.service = health.service;
  spec.method = health.method;
  spec.path = health.path;
  spec.host = health.host;
  spec.statuses.clear();
  for (const std::string& text : health.expected_status) {
    if (const auto range = config::parse_status_range(text)) spec.statuses.push_back(*range);
  }
  spec.expected_body = health.expected_body;
  spec.max_body = health.max_body;
  spec.port = static_cast<std::uint16_t>(health.port);
  spec.interval_ms = health.interval.count();
  spec.fast_interval_ms = health.fast_interval.count();
  spec.timeout_ms = health.timeout.count();
  spec.thresholds = {health.unhealthy_after, health.healthy_after};
  return spec;
}

upstream::EjectionSpec ejection_spec(const config::UpstreamEjection& ejection) {
  upstream::EjectionSpec spec;
  spec.enabled = ejection.enabled;
  spec.consecutive_failures = ejection.consecutive_failures;
  spec.success_rate = ejection.success_rate;
  spec.interval_ms = ejection.interval.count();
  spec.min_requests = ejection.min_requests;
  spec.min_endpoints = ejection.min_endpoints;
  spec.deviations = ejection.deviations / 100.0;
  spec.base_ms = ejection.base_time.count();
  spec.max_ms = ejection.max_time.count();
  spec.max_share = ejection.max_share;
  return spec;
}

}  // namespace postern::server
