// THE table of metric families: name, type, labels, help. The collector, `docs/metrics.md` and its test read it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace postern::metrics {

enum class Family : std::uint8_t {
  build_info,
  requests,
  request_duration,
  request_bytes,
  response_bytes,
  requests_in_flight,
  responses_by_code,
  request_errors,
  credentials,
  access,
  connections,
  connections_open,
  connections_rejected,
  tls_handshakes,
  tls_handshake_failures,
  h2_connections,
  h2_events,
  upstream_responses,
  upstream_first_byte,
  upstream_connects,
  upstream_connect_seconds,
  upstream_reuses,
  upstream_retries,
  upstream_errors,
  upstream_connections_open,
  upstream_connections_idle,
  upstream_sent_bytes,
  upstream_received_bytes,
  upstream_health_checks,
  upstream_endpoints_unhealthy,
  upstream_ejections,
  upstream_endpoints_ejected,
  upstream_panic_picks,
  upstream_endpoints,
  discovery_results,
  discovery_age,
  responses_5xx,
  upstream_retries_denied,
  upstream_hedges,
  upstream_queue,
  upstream_queue_waiting,
  upstream_queue_seconds,
  upstream_full,
  upstream_limit,
  access_log_lines,
  access_log_dropped,
  access_log_sampled_out,
  access_log_blocked,
  access_log_rotations,
  access_log_archives,
  log_dropped,
  audit_records,
  audit_syncs,
  audit_failing,
  issuer_keys,
  issuer_fetches,
  issuer_failing,
  introspections,
  introspections_waiting,
  introspection_failing,
  directory_lookups,
  trace_spans,
  trace_exports,
  latency_drift,
  reloads,
  certificate_reloads,
  config_generation,
  config_loaded,
  draining,
  upgrades,
  loop_lag,
  core_loop_lag,
  cores_stuck,
  cores_found_stuck,
  overload_stage,
  overload_pressure,
  overload_shed,
  workers,
  process_cpu,
  process_resident,
  process_virtual,
  process_open_fds,
  process_max_fds,
  process_threads,
  process_start,
  count_,
};

enum class Type : std::uint8_t { counter, gauge, histogram };

struct FamilyInfo {
  Family family;
  std::string_view name;
  Type type;
  std::string_view labels;  // comma separated
  std::string_view help;
};

std::span<const FamilyInfo> families() noexcept;
const FamilyInfo& info(Family family) noexcept;
std::string_view to_string(Type type) noexcept;

/// docs/metrics.md, whole.
std::string reference_markdown();

}  // namespace postern::metrics
