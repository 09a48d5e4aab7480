// What may follow a try that came to nothing, or to an answer that another try may better. Pure functions over values:
// the loop that acts on them is the forwarder's.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "http/head.h"
#include "route/failure_rules.h"

namespace postern::proxy {

/// How a try ended, as far as another one is concerned.
struct TryEnd {
  config::RetryOn cause = config::RetryOn::connect;
  bool untouched = false;  // surely no endpoint has begun to work on the request: it need not be repeatable
  bool elsewhere = false;  // nobody was asked for anything: the next endpoint costs no budget and no pause
};

/// `connected`: there was a connection. `answered`: a byte of an answer came. `refused`: the endpoint itself refused an
/// HTTP/2 stream. None: another try would not help, or might do harm.
std::optional<TryEnd> end_of(Error error, bool connected, bool answered, bool refused) noexcept;

/// An answer; `grpc`: its status stands in grpc-status. None: nothing that any route would retry.
std::optional<TryEnd> end_of(const http::ResponseHead& head, bool grpc) noexcept;

/// `repeatable`: by the route's rules and the request's method.
bool is_allowed(const route::RetryRules& rules, const TryEnd& end, bool repeatable) noexcept;

/// What Retry-After asks for, in milliseconds. None: no such field. Dates, and what is none of either, are -1.
std::optional<std::int64_t> retry_after_ms(const http::Fields& fields) noexcept;

/// Before retry number `retry` (from 1): up to the backoff, doubled each time, at random.
std::int64_t backoff_ms(const route::RetryRules& rules, std::uint32_t retry, std::uint64_t random) noexcept;

}  // namespace postern::proxy
