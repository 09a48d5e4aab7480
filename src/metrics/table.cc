// See table.h. To add a family: a value in Family, a row here, and its samples in collector.cc;
// then `postern_tests --gtest_filter=MetricsTable.*` shows the new docs/metrics.md.
#include "metrics/table.h"

#include <array>
#include <cstddef>

namespace postern::metrics {
namespace {

constexpr auto kFamilyCount = static_cast<std::size_t>(Family::count_);

constexpr std::array<FamilyInfo, kFamilyCount> kTable = {{
    {Family::build_info, "postern_build_info", Type::gauge, "version,engine", "Always 1; what is running."},
    {Family::requests, "postern_requests_total", Type::counter, "route,status_class",
     "Requests finished. Class \"none\": the client left, or was cut off, before an answer began."},
    {Family::request_duration, "postern_request_duration_seconds", Type::histogram, "route",
     "From the request's head to the last byte of the answer."},
    {Family::request_bytes, "postern_request_body_bytes_total", Type::counter, "route",
     "Bytes of request bodies received."},
    {Family::response_bytes, "postern_response_body_bytes_total", Type::counter, "route",
     "Bytes of response bodies sent."},
    {Family::requests_in_flight, "postern_requests_in_flight", Type::gauge, "",
     "Requests whose head has been read and whose answer is not complete."},
    {Family::responses_by_code, "postern_responses_total", Type::counter, "code",
     "Answers by exact status, over all routes."},
    {Family::request_errors, "postern_request_errors_total", Type::counter, "reason",
     "Requests that postern refused or could not complete, by reason; the access log says the same in \"error\"."},
    {Family::credentials, "postern_credentials_total", Type::counter, "result",
     "Requests by what became of the question who is asking; on routes that ask."},
    {Family::access, "postern_access_total", Type::counter, "route,result",
     "Requests by what became of the question whether they may; on routes that ask."},
    {Family::connections, "postern_connections_total", Type::counter, "listener", "Connections accepted."},
    {Family::connections_open, "postern_connections_open", Type::gauge, "listener", "Client connections open now."},
    {Family::connections_rejected, "postern_connections_rejected_total", Type::counter, "listener,reason",
     "Connections closed before their first request."},
    {Family::tls_handshakes, "postern_tls_handshakes_total", Type::counter, "listener,kind",
     "TLS handshakes completed, full or resumed."},
    {Family::tls_handshake_failures, "postern_tls_handshake_failures_total", Type::counter, "listener,reason",
     "TLS handshakes that failed."},
    {Family::h2_connections, "postern_h2_connections_total", Type::counter, "listener",
     "Connections that spoke HTTP/2."},
    {Family::h2_events, "postern_h2_events_total", Type::counter, "listener,event",
     "What HTTP/2 connections did that is not ordinary traffic, and what was done about it."},
    {Family::upstream_responses, "postern_upstream_responses_total", Type::counter, "upstream,status_class",
     "Answers of upstreams, each try on its own. Class \"none\": the try ended without one."},
    {Family::upstream_first_byte, "postern_upstream_first_byte_seconds", Type::histogram, "upstream",
     "From the first byte of the request out to the first byte of the answer in."},
    {Family::upstream_connects, "postern_upstream_connects_total", Type::counter, "upstream",
     "Connections made to upstreams."},
    {Family::upstream_connect_seconds, "postern_upstream_connect_seconds_total", Type::counter, "upstream",
     "Time spent making them, TLS included."},
    {Family::upstream_reuses, "postern_upstream_reuses_total", Type::counter, "upstream",
     "Requests sent over a kept connection."},
    {Family::upstream_retries, "postern_upstream_retries_total", Type::counter, "upstream", "Second and later tries."},
    {Family::upstream_errors, "postern_upstream_errors_total", Type::counter, "upstream,reason",
     "Tries that failed, also those that a retry made good."},
    {Family::upstream_connections_open, "postern_upstream_connections_open", Type::gauge, "upstream",
     "Upstream connections open now, busy and kept."},
    {Family::upstream_connections_idle, "postern_upstream_connections_idle", Type::gauge, "upstream",
     "Upstream connections kept for the next request."},
    {Family::upstream_sent_bytes, "postern_upstream_sent_bytes_total", Type::counter, "upstream",
     "Bytes of request bodies sent to upstreams."},
    {Family::upstream_received_bytes, "postern_upstream_received_bytes_total", Type::counter, "upstream",
     "Bytes of response bodies received from upstreams."},
    {Family::upstream_health_checks, "postern_upstream_health_checks_total", Type::counter, "upstream,result",
     "Active checks of endpoints; every result but \"serving\" is a failure."},
    {Family::upstream_endpoints_unhealthy, "postern_upstream_endpoints_unhealthy", Type::gauge, "upstream",
     "Endpoints that get no requests because their checks fail."},
    {Family::upstream_ejections, "postern_upstream_ejections_total", Type::counter, "upstream,reason",
     "Endpoints taken out for a while because requests to them failed."},
    {Family::upstream_endpoints_ejected, "postern_upstream_endpoints_ejected", Type::gauge, "upstream",
     "Endpoints that are out for that reason now."},
    {Family::upstream_panic_picks, "postern_upstream_panic_picks_total", Type::counter, "upstream",
     "Requests for an endpoint that was out, because too few others were left (panic_threshold)."},
    {Family::upstream_endpoints, "postern_upstream_endpoints", Type::gauge, "upstream",
     "Endpoints that the upstream has at present, usable or not."},
    {Family::discovery_results, "postern_upstream_discovery_total", Type::counter, "upstream,result",
     "Looks for endpoints (DNS answers, reads of a file), by what they came to; all but \"ok\" keep the last good "
     "endpoints. Only upstreams whose endpoints are looked for."},
    {Family::discovery_age, "postern_upstream_discovery_age_seconds", Type::gauge, "upstream",
     "Time since the last look that came to something good. Only upstreams whose endpoints are looked for."},
    {Family::responses_5xx, "postern_responses_5xx_total", Type::counter, "upstream,cause",
     "Answers of 500 and above, told apart; gRPC calls count that would have got one. Upstream \"_none\": requests "
     "that were not to be forwarded."},
    {Family::upstream_retries_denied, "postern_upstream_retries_denied_total", Type::counter, "upstream",
     "Failures that were passed on because the budget for retries was spent."},
    {Family::upstream_hedges, "postern_upstream_hedges_total", Type::counter, "upstream,result",
     "Second tries beside a slow first one; \"denied\": over the budget."},
    {Family::upstream_queue, "postern_upstream_queue_total", Type::counter, "upstream,result",
     "Requests that found every endpoint at its limit; all but \"passed\" and \"left\" got 503."},
    {Family::upstream_queue_waiting, "postern_upstream_queue_waiting", Type::gauge, "upstream",
     "Requests that wait for an endpoint now."},
    {Family::upstream_queue_seconds, "postern_upstream_queue_seconds_total", Type::counter, "upstream",
     "Time that requests have waited for an endpoint."},
    {Family::upstream_full, "postern_upstream_full_total", Type::counter, "upstream",
     "Endpoints passed over because they were at their limit."},
    {Family::upstream_limit, "postern_upstream_concurrency_limit", Type::gauge, "upstream",
     "Requests at a time that [upstream.adaptive] allows, all endpoints and workers together."},
    {Family::access_log_lines, "postern_access_log_lines_total", Type::counter, "", "Access log lines written."},
    {Family::access_log_dropped, "postern_access_log_dropped_total", Type::counter, "stage",
     "Access log lines lost: \"ring\" when the writer was behind or its file full, \"write\" when they were given up."},
    {Family::access_log_sampled_out, "postern_access_log_sampled_out_total", Type::counter, "",
     "Requests that went well and were left out of the access log on purpose."},
    {Family::access_log_blocked, "postern_access_log_blocked", Type::gauge, "",
     "1 while the access log's file, reader or server takes nothing, a full disk for example; lines wait meanwhile."},
    {Family::access_log_rotations, "postern_access_log_rotations_total", Type::counter, "result",
     "New access log files begun; after a failed try lines go on into the old one."},
    {Family::access_log_archives, "postern_access_log_archives_total", Type::counter, "result",
     "Rotated files compressed; \"failed\" counts those that could not be compressed or deleted."},
    {Family::log_dropped, "postern_log_dropped_total", Type::counter, "reason",
     "Lines of postern's own log that were not written: \"repeated\" too often, or the \"output\" could not take "
     "them."},
    {Family::audit_records, "postern_audit_records_total", Type::counter, "stream,result",
     "Records of the audit trail; \"lost\" ones found no room, \"refused\" intents got their request a 503."},
    {Family::audit_syncs, "postern_audit_syncs_total", Type::counter, "stream",
     "Times that the audit trail was brought to the disk."},
    {Family::audit_failing, "postern_audit_failing", Type::gauge, "stream",
     "1 while the audit trail's file takes no records."},
    {Family::issuer_keys, "postern_issuer_keys", Type::gauge, "issuer", "Keys that are known of an issuer of tokens."},
    {Family::issuer_fetches, "postern_issuer_fetches_total", Type::counter, "issuer,result",
     "Times that an issuer's keys were looked for, over the network or in a file."},
    {Family::issuer_failing, "postern_issuer_failing", Type::gauge, "issuer",
     "1 while an issuer's keys cannot be had anew; those that are known are used until they are too old."},
    {Family::introspections, "postern_introspections_total", Type::counter, "issuer,result",
     "What an issuer has said of tokens that it was asked about: \"active\", \"inactive\", \"failed\" when it did not "
     "answer; \"not_asked\": too many questions at once, or it was failing."},
    {Family::introspections_waiting, "postern_introspections_waiting", Type::gauge, "issuer",
     "Requests that wait for what the issuer says of their token."},
    {Family::introspection_failing, "postern_introspection_failing", Type::gauge, "issuer",
     "1 while an issuer does not answer what it is asked about tokens; those that are known are good until they "
     "expire."},
    {Family::directory_lookups, "postern_directory_lookups_total", Type::counter, "issuer,result",
     "Callers whose groups were looked up because their token had no room for them: \"found\", \"failed\", or "
     "\"not_asked\" when there were too many at once."},
    {Family::trace_spans, "postern_trace_spans_total", Type::counter, "result",
     "Spans by what became of them: \"exported\", \"rejected\" by the collector, \"failed\" when it could not be "
     "reached, \"dropped\" when the exporter was behind."},
    {Family::trace_exports, "postern_trace_exports_total", Type::counter, "result",
     "Requests to the trace collector; \"retried\" ones were sent again later."},
    {Family::latency_drift, "postern_latency_drift_ratio", Type::gauge, "upstream,model,quantile",
     "Time to the first byte of an upstream's answer, recent over long-term; model \"_none\" where the route has "
     "none, \"_other\" for those beyond drift.max_models."},
    {Family::reloads, "postern_config_reloads_total", Type::counter, "result",
     "Reloads of the config; a failed one changed nothing."},
    {Family::certificate_reloads, "postern_certificate_reloads_total", Type::counter, "result",
     "Reloads of certificates from changed files; after a failed one the old pair serves on."},
    {Family::config_generation, "postern_config_generation", Type::gauge, "", "Counts the configs that took effect."},
    {Family::config_loaded, "postern_config_loaded_timestamp_seconds", Type::gauge, "",
     "When the running config took effect, Unix time."},
    {Family::draining, "postern_draining", Type::gauge, "", "1 while postern finishes its last requests."},
    {Family::upgrades, "postern_upgrades_total", Type::counter, "result",
     "Upgrades of the binary that this process began; after a failed one it serves on."},
    {Family::loop_lag, "postern_loop_lag_seconds", Type::histogram, "",
     "How late the regular ticks of the workers' event loops come."},
    {Family::core_loop_lag, "postern_core_loop_lag_seconds", Type::gauge, "core",
     "How late each worker's last tick came."},
    {Family::cores_stuck, "postern_cores_stuck", Type::gauge, "", "Workers whose event loop stands still."},
    {Family::cores_found_stuck, "postern_cores_found_stuck_total", Type::counter, "",
     "Times that a worker's event loop was found standing still."},
    {Family::overload_stage, "postern_overload_stage", Type::gauge, "",
     "0: none; 1: idle connections are closed; 2: new ones, too; 3: requests are refused, too."},
    {Family::overload_pressure, "postern_overload_pressure_ratio", Type::gauge, "resource",
     "What is used of the memory limit and of the descriptors."},
    {Family::overload_shed, "postern_overload_shed_total", Type::counter, "what", "What overload took away."},
    {Family::workers, "postern_workers", Type::gauge, "", "Cores that serve requests."},
    {Family::process_cpu, "process_cpu_seconds_total", Type::counter, "", "CPU time, user and system."},
    {Family::process_resident, "process_resident_memory_bytes", Type::gauge, "", "Resident memory."},
    {Family::process_virtual, "process_virtual_memory_bytes", Type::gauge, "", "Mapped address space."},
    {Family::process_open_fds, "process_open_fds", Type::gauge, "", "File descriptors open."},
    {Family::process_max_fds, "process_max_fds", Type::gauge, "", "Limit of open file descriptors."},
    {Family::process_threads, "process_threads", Type::gauge, "", "Threads."},
    {Family::process_start, "process_start_time_seconds", Type::gauge, "", "When the process started, Unix time."},
}};

constexpr bool rows_stand_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].family) != i) return false;
  }
  return true;
}
static_assert(rows_stand_in_order(), "info() indexes by Family");

}  // namespace

std::span<const FamilyInfo> families() noexcept { return kTable; }

const FamilyInfo& info(Family family) noexcept { return kTable[static_cast<std::size_t>(family)]; }

std::string_view to_string(Type type) noexcept {
  switch (type) {
    case Type::counter:
      return "counter";
    case Type::gauge:
      return "gauge";
    case Type::histogram:
      return "histogram";
  }
  return "untyped";
}

}  // namespace postern::metrics
