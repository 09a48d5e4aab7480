// How long one request may take as a whole, from the route and from what its client says. Called by the forwarder once
// per request. One core only.
#pragma once

#include <chrono>
#include <string_view>

#include "proxy/request_context.h"

namespace postern::proxy {

struct TimeLimit {
  std::chrono::milliseconds total{};  // from the request's start; 0: none
  bool is_clients = false;            // shorter than the route's own: nobody's fault when it is over
};

/// The route's request_timeout, or what grpc-timeout or the route's deadline header leave of it. A value that is none
/// does not count: it is the server's to complain about.
TimeLimit time_limit(RequestContext& rc) noexcept;

/// As a grpc-timeout, in `space` of ten bytes.
std::string_view write_grpc_timeout(char* space, std::int64_t ms) noexcept;

}  // namespace postern::proxy
