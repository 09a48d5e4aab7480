#include "proxy/failure.h"

namespace postern::proxy {

using metrics::Reason;
using metrics::UpstreamError;

namespace {

Reply client_reply(Error error, BodyFailure body) noexcept {
  if (error.code == Code::reset || error.code == Code::cancelled) {
    return {.status = 0, .reason = Reason::client_closed};
  }
  if (error.code == Code::timeout) {
    return {.status = 408, .reason = Reason::body_timeout, .detail = "the request's body did not arrive in time"};
  }
  const std::string_view detail = body.reason ? body.reason : "the request's body is broken";
  return {.status = body.status ? body.status : std::uint16_t{400},
          .reason = reject_reason(body.status, detail),
          .detail = detail};
}

}  // namespace

Reply failure_reply(Error error, BodyFailure body) noexcept {
  if (error.side == Side::downstream) return client_reply(error, body);
  switch (error.code) {
    case Code::timeout:
      if (error.retry == Retry::always) {
        return {
            .status = 504, .reason = Reason::connect_timeout, .detail = "the upstream could not be reached in time"};
      }
      return {.status = 504, .reason = Reason::response_timeout, .detail = "the upstream did not answer in time"};
    case Code::refused:
      return {.status = 502, .reason = Reason::connect_refused, .detail = "the upstream refused the connection"};
    case Code::unreachable:
      if (error.retry == Retry::always) {
        return {.status = 502, .reason = Reason::connect_failed, .detail = "the upstream could not be reached"};
      }
      return {.status = 503, .reason = Reason::no_endpoint, .detail = "no endpoint is available"};
    case Code::tls:
      return {.status = 502, .reason = Reason::upstream_tls, .detail = "no secure connection to the upstream"};
    case Code::malformed:
    case Code::too_large:
      return {.status = 502, .reason = Reason::upstream_malformed, .detail = "the upstream's answer was not valid"};
    case Code::not_implemented:
      return {.status = 501, .reason = Reason::not_implemented, .detail = "the upstream does not offer that"};
    case Code::exhausted:
      return {.status = 503, .reason = Reason::overload, .detail = "out of resources"};
    default:
      return {.status = 502, .reason = Reason::upstream_closed, .detail = "the upstream closed the connection"};
  }
}

Reason relay_reason(Error error) noexcept {
  if (error.side == Side::downstream)
    return error.code == Code::timeout ? Reason::write_timeout : Reason::client_closed;
  return error.code == Code::timeout ? Reason::response_timeout : Reason::upstream_truncated;
}

UpstreamError upstream_error(Error error, bool reused, bool answered) noexcept {
  switch (error.code) {
    case Code::refused:
      return UpstreamError::connect_refused;
    case Code::unreachable:
      return UpstreamError::connect_failed;
    case Code::exhausted:
      return UpstreamError::connect_failed;
    case Code::tls:
      return UpstreamError::tls;
    case Code::malformed:
      return UpstreamError::malformed;
    case Code::timeout:
      if (error.retry == Retry::always) return UpstreamError::connect_timeout;
      return answered ? UpstreamError::idle_timeout : UpstreamError::response_timeout;
    default:
      break;
  }
  if (answered) return UpstreamError::truncated;
  if (error.retry == Retry::always) return UpstreamError::unprocessed;
  return reused && error.retry == Retry::if_reused ? UpstreamError::stale : UpstreamError::closed;
}

}  // namespace postern::proxy
