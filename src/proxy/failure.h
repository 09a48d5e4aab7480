// What an Error of the forward path means for the client, for the metrics and for the log. Pure functions.
#pragma once

#include "base/error.h"
#include "metrics/kinds.h"
#include "postern/exchange.h"
#include "proxy/reply.h"

namespace postern::proxy {

/// 502, 503 or 504 for the upstream's failures; 4xx for the client's own (`body` knows which).
Reply failure_reply(Error error, BodyFailure body) noexcept;

/// The reason of an answer that broke off after its head was out.
metrics::Reason relay_reason(Error error) noexcept;

metrics::UpstreamError upstream_error(Error error, bool reused, bool answered) noexcept;

/// The reason for a request that the wire refused, from its status and text.
metrics::Reason reject_reason(std::uint16_t status, std::string_view text) noexcept;

}  // namespace postern::proxy
