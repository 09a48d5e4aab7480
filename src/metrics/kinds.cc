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
    "client_closed",
    "write_timeout",
    "tunnel_idle",
    "internal",
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

constexpr std::array<std::string_view, kCount<Ejection>> kEjectionNames = {"consecutive_failures", "success_rate"};

template <class Kind, std::size_t n>
std::string_view name_of(Kind kind, const std::array<std::string_view, n>& names) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return index < n ? names[index] : std::string_view("unknown");
}

}  // namespace

std::string_view to_string(Reason reason) noexcept { return name_of(reason, kReasonNames); }
std::string_view to_string(Rejection rejection) noexcept { return name_of(rejection, kRejectionNames); }
std::string_view to_string(Shed shed) noexcept { return name_of(shed, kShedNames); }
std::string_view to_string(HandshakeFailure failure) noexcept { return name_of(failure, kHandshakeFailureNames); }
std::string_view to_string(H2Event event) noexcept { return name_of(event, kH2EventNames); }
std::string_view to_string(UpstreamError error) noexcept { return name_of(error, kUpstreamErrorNames); }
std::string_view to_string(HealthResult result) noexcept { return name_of(result, kHealthResultNames); }
std::string_view to_string(Ejection reason) noexcept { return name_of(reason, kEjectionNames); }

}  // namespace postern::metrics
