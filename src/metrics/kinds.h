// The closed sets that metrics and the access log label with: why postern answered itself, why a connection,
// a handshake or an upstream failed. Each value's text is a label value: add at will, rename never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::metrics {

/// Why the answer is ours, or why there is none. In the access log it stands as "error".
enum class Reason : std::uint8_t {
  none,
  // The bytes are not HTTP as we accept it (400).
  bad_request_line,
  bad_method,
  bad_target,
  bad_version,
  bad_header,
  bad_host,
  bad_content_length,
  bad_transfer_encoding,
  framing_conflict,
  bad_chunk,
  bad_trailer,
  truncated_body,
  bad_proxy_header,
  bad_websocket,  // half a handshake; also 426
  bad_request,    // anything else of the kind
  // Understood and refused.
  target_too_long,      // 414
  headers_too_large,    // 431
  body_too_large,       // 413
  header_timeout,       // 408
  body_timeout,         // 408
  version_unsupported,  // 505
  not_implemented,      // 501
  expectation_failed,   // 417
  misdirected,          // 421
  not_found,
  method_not_allowed,
  rejected_by_filter,
  websocket_refused,  // 403: not on this route
  // Who is asking, may they, how much.
  bad_credential,        // 400: broken, or two at once
  unauthenticated,       // 401: none was shown
  invalid_credential,    // 401
  insufficient_scope,    // 403
  denied,                // 403: the policy says no
  rate_limited,          // 429
  identity_unavailable,  // 503: we cannot tell whether the credential is good
  audit_unavailable,     // 503: what cannot be recorded may not happen
  overload,              // 503: a limit of ours
  draining,              // 503
  // The upstream's side (502, 503, 504).
  no_endpoint,
  connect_refused,
  connect_timeout,
  connect_failed,
  upstream_tls,
  response_timeout,
  upstream_closed,
  upstream_malformed,
  upstream_truncated,  // its body broke off: the client's connection was cut, too
  upstream_full,       // every endpoint is at its limit, and the wait for one would be too long
  // No answer, or half of one.
  client_closed,
  write_timeout,
  tunnel_idle,  // a WebSocket on which nothing went either way
  internal,
  count_,
};

/// What became of the question who is asking.
enum class CredentialResult : std::uint8_t {
  absent,       // none was shown, and none was needed
  missing,      // one was needed
  recalled,     // from this core's memory
  verified,     // good
  malformed,    // 400
  refused,      // 401: not good, or not here
  remembered,   // 401: it was not good a moment ago
  over_budget,  // 429: too many bad ones from there
  unavailable,  // 503
  count_,
};

/// What became of the question whether they may.
enum class AccessResult : std::uint8_t {
  allowed,
  wrong_audience,
  insufficient_scope,
  denied,
  limited,
  shadow_denied,   // the shadow policy refuses what was allowed
  shadow_allowed,  // and the other way round
  count_,
};

/// Why an accepted connection was closed before its first request.
enum class Rejection : std::uint8_t {
  limit,
  descriptors,
  memory,
  proxy_header,
  draining,
  address_limit,
  overload,
  count_,
};

/// What overload took away, beside connections and requests that were refused (Rejection, Reason).
enum class Shed : std::uint8_t { idle_connection, connection, request, count_ };

enum class HandshakeFailure : std::uint8_t {
  timeout,
  closed,              // the client left
  no_common,           // no shared version, cipher or group
  client_certificate,  // missing, expired, revoked, unknown CA
  client_rejected,     // the client sent an alert: it does not like our certificate
  not_tls,             // plain HTTP or noise on a TLS port
  other,
  count_,
};

/// What HTTP/2 connections have seen that is not ordinary traffic: the signs of floods, and what was done about them.
enum class H2Event : std::uint8_t {
  reset_received,  // RST_STREAM of the peer
  reset_sent,      // ours, for what the peer did wrong
  refused,         // over the limit of streams
  empty_data,
  ping,
  settings,
  priority,
  window_update,    // more of them than what we sent explains
  header_overflow,  // a head over the limits
  protocol_error,
  flood,          // the HTTP/2 library's own limits: answers that the peer does not read, heads in endless pieces
  glitch_goaway,  // too many of the above: the peer was told to go
  glitch_kill,    // and was cut off
  write_stall,    // the peer took nothing for too long
  count_,
};

/// What went wrong towards an upstream; each try counts, also those that a retry made good.
enum class UpstreamError : std::uint8_t {
  no_endpoint,
  connect_refused,
  connect_timeout,
  connect_failed,
  tls,
  write_failed,
  stale,  // a kept connection that turned out to be closed before a byte of the answer
  closed,
  truncated,
  malformed,
  response_timeout,
  idle_timeout,
  unprocessed,  // HTTP/2: refused, or left out by GOAWAY
  count_,
};

/// Whose doing an answer of 500 and above is.
enum class FailureCause : std::uint8_t {
  ours,              // a fixed reply, a mistake of ours, what we do not implement
  overload,          // a limit of ours, or postern is ending
  no_endpoint,       // none to ask
  upstream_full,     // all at their limits
  upstream_refused,  // no connection, or none that is secure
  upstream_timeout,  // no connection or no answer in time
  upstream_closed,   // a connection that broke, or carried what is not HTTP
  upstream_5xx,      // the upstream's own answer, passed on
  count_,
};

/// What became of requests that found every endpoint at its limit.
enum class QueueResult : std::uint8_t {
  passed,
  refused,    // at once: the wait would have been too long
  full,       // at once: as many wait as may
  timed_out,  // it was too long
  left,       // the client went away
  count_,
};

enum class HedgeResult : std::uint8_t {
  won,   // the second try answered first
  lost,  // the first one did after all
  both_failed,
  denied,  // over the budget
  count_,
};

/// What an active check of an endpoint came to; all but the first are failures.
enum class HealthResult : std::uint8_t {
  serving,
  not_serving,
  unknown_service,  // the server does not know the service that was asked for
  unimplemented,    // the server has no health service
  timeout,
  unreachable,  // no connection, or not the one that was wanted
  failed,       // anything else: broken off, not what the protocol says
  tls,          // no handshake, or a certificate that does not verify
  bad_status,   // an answer, but not with a status that was expected
  bad_body,     // an answer without the bytes that were expected
  count_,
};

/// Why an endpoint that takes requests was ejected.
enum class Ejection : std::uint8_t {
  consecutive_failures,
  success_rate,  // far below that of the others
  count_,
};

/// What a look for an upstream's endpoints came to; all but the first keep the last good ones.
enum class DiscoveryResult : std::uint8_t {
  ok,
  empty,    // no such name, no such records, none that may be used
  failed,   // the server says so, or none answers
  invalid,  // what was read is not what it has to be
  count_,
};

template <class Kind>
inline constexpr std::size_t kCount = static_cast<std::size_t>(Kind::count_);

std::string_view to_string(Reason reason) noexcept;
std::string_view to_string(Rejection rejection) noexcept;
std::string_view to_string(Shed shed) noexcept;
std::string_view to_string(HandshakeFailure failure) noexcept;
std::string_view to_string(H2Event event) noexcept;
std::string_view to_string(UpstreamError error) noexcept;
std::string_view to_string(HealthResult result) noexcept;
std::string_view to_string(FailureCause cause) noexcept;
std::string_view to_string(CredentialResult result) noexcept;
std::string_view to_string(AccessResult result) noexcept;
std::string_view to_string(QueueResult result) noexcept;
std::string_view to_string(HedgeResult result) noexcept;

/// Of an answer of ours with that reason.
FailureCause cause_of(Reason reason) noexcept;
std::string_view to_string(Ejection reason) noexcept;
std::string_view to_string(DiscoveryResult result) noexcept;

}  // namespace postern::metrics
