// See kinds.h.
#include "metrics/kinds.h"

#include <array>

namespace postern::metrics {
namespace {

constexpr std::array<std::string_view, kCount<Reason>> kReasonNames = {
    "none",
    "bad_request_line",
    "bad_method",
    "bad_target",
    "bad_version",
    "bad_header",
    "bad_host",
    "bad_content_length",
    "bad_transfer_encoding",
    "framing_conflict",
    "bad_chunk",
    "bad_trailer",
    "truncated_body",
    "bad_proxy_header",
    "bad_websocket",
    "bad_request",
    "target_too_long",
    "headers_too_large",
    "body_too_large",
    "header_timeout",
    "body_timeout",
    "version_unsupported",
    "not_implemented",
    "expectation_failed",
    "misdirected",
    "not_found",
    "method_not_allowed",
    "rejected_by_filter",
    "websocket_refused",
    "bad_credential",
    "unauthenticated",
    "invalid_credential",
    "insufficient_scope",
    "denied",
    "rate_limited",
    "identity_unavailable",
    "audit_unavailable",
    "overload",
    "draining",
    "no_endpoint",
    "connect_refused",
    "connect_timeout",
    "connect_failed",
    "upstream_tls",
    "response_timeout",
    "upstream_closed",
    "upstream_malformed",
    "upstream_truncated",
    "upstream_full",
    "client_closed",
    "write_timeout",
    "tunnel_idle",
    "internal",
};

constexpr std::array<std::string_view, kCount<CredentialResult>> kCredentialResultNames = {
    "absent", "missing", "recalled", "verified", "malformed", "refused", "remembered", "over_budget", "unavailable",
};

constexpr std::array<std::string_view, kCount<AccessResult>> kAccessResultNames = {
    "allowed", "wrong_audience", "insufficient_scope", "denied", "limited", "shadow_denied", "shadow_allowed",
};

constexpr std::array<std::string_view, kCount<Rejection>> kRejectionNames = {
    "limit", "descriptors", "memory", "proxy_header", "draining", "address_limit", "overload",
};

constexpr std::array<std::string_view, kCount<Shed>> kShedNames = {"idle_connection", "connection", "request"};

constexpr std::array<std::string_view, kCount<HandshakeFailure>> kHandshakeFailureNames = {
    "timeout", "closed", "no_common", "client_certificate", "client_rejected", "not_tls", "other",
};

constexpr std::array<std::string_view, kCount<H2Event>> kH2EventNames = {
    "reset_received", "reset_sent",      "refused",        "empty_data", "ping",          "settings",    "priority",
    "window_update",  "header_overflow", "protocol_error", "flood",      "glitch_goaway", "glitch_kill", "write_stall",
};

constexpr std::array<std::string_view, kCount<UpstreamError>> kUpstreamErrorNames = {
    "no_endpoint", "connect_refused", "connect_timeout", "connect_failed",   "tls",          "write_failed", "stale",
    "closed",      "truncated",       "malformed",       "response_timeout", "idle_timeout", "unprocessed",
};

constexpr std::array<std::string_view, kCount<HealthResult>> kHealthResultNames = {
    "serving", "not_serving", "unknown_service", "unimplemented", "timeout", "unreachable",
    "failed",  "tls",         "bad_status",      "bad_body",
};

constexpr std::array<std::string_view, kCount<FailureCause>> kFailureCauseNames = {
    "ours",
    "overload",
    "no_endpoint",
    "upstream_full",
    "upstream_refused",
    "upstream_timeout",
    "upstream_closed",
    "upstream_5xx",
};

constexpr std::array<std::string_view, kCount<QueueResult>> kQueueResultNames = {
    "passed", "refused", "full", "timed_out", "left",
};

constexpr std::array<std::string_view, kCount<HedgeResult>> kHedgeResultNames = {
    "won",
    "lost",
    "both_failed",
    "denied",
};
constexpr std::array<std::string_view, kCount<Ejection>> kEjectionNames = {"consecutive_failures", "success_rate"};
constexpr std::array<std::string_view, kCount<DiscoveryResult>> kDiscoveryResultNames = {
    "ok",
    "empty",
    "failed",
    "invalid",
};

template <class Kind, std::size_t n>
std::string_view name_of(Kind kind, const std::array<std::string_view, n>& names) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return index < n ? names[index] : std::string_view("unknown");
}

}  // namespace

std::string_view to_string(Reason reason) noexcept { return name_of(reason, kReasonNames); }
std::string_view to_string(CredentialResult result) noexcept { return name_of(result, kCredentialResultNames); }
std::string_view to_string(AccessResult result) noexcept { return name_of(result, kAccessResultNames); }
std::string_view to_string(Rejection rejection) noexcept { return name_of(rejection, kRejectionNames); }
std::string_view to_string(Shed shed) noexcept { return name_of(shed, kShedNames); }
std::string_view to_string(HandshakeFailure failure) noexcept { return name_of(failure, kHandshakeFailureNames); }
std::string_view to_string(H2Event event) noexcept { return name_of(event, kH2EventNames); }
std::string_view to_string(UpstreamError error) noexcept { return name_of(error, kUpstreamErrorNames); }
std::string_view to_string(HealthResult result) noexcept { return name_of(result, kHealthResultNames); }
std::string_view to_string(FailureCause cause) noexcept { return name_of(cause, kFailureCauseNames); }
std::string_view to_string(QueueResult result) noexcept { return name_of(result, kQueueResultNames); }
std::string_view to_string(HedgeResult result) noexcept { return name_of(result, kHedgeResultNames); }

FailureCause cause_of(Reason reason) noexcept {
  switch (reason) {
    case Reason::overload:
    case Reason::draining:
      return FailureCause::overload;
    case Reason::no_endpoint:
      return FailureCause::no_endpoint;
    case Reason::upstream_full:
      return FailureCause::upstream_full;
    case Reason::connect_refused:
    case Reason::connect_failed:
    case Reason::upstream_tls:
      return FailureCause::upstream_refused;
    case Reason::connect_timeout:
    case Reason::response_timeout:
      return FailureCause::upstream_timeout;
    case Reason::upstream_closed:
    case Reason::upstream_malformed:
    case Reason::upstream_truncated:
      return FailureCause::upstream_closed;
    default:
      return FailureCause::ours;
  }
}
std::string_view to_string(Ejection reason) noexcept { return name_of(reason, kEjectionNames); }

std::string_view to_string(DiscoveryResult result) noexcept { return name_of(result, kDiscoveryResultNames); }

}  // namespace postern::metrics
