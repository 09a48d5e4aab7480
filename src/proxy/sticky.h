// A client stays with the endpoint that served it first, by a cookie that only we can make ([upstream.sticky]). A
// cookie that is forged, stale or of an endpoint that is gone is as good as none, and replaced with the answer. The
// forwarder calls find_affinity() once per request, heads.cc adds the cookie. No allocation; one core only.
#pragma once

#include <string>
#include <string_view>

#include "http/head.h"

namespace postern::proxy {

struct RequestContext;

struct StickyPolicy {
  std::string cookie;
  std::string attributes;  // what follows the value: "; Path=/; HttpOnly..."
};

/// What the request says about where it wants to go: its hash key and its cookie, into `rc`. Before the head is edited;
/// rc.cluster is set. `body`: as hash_key() has it.
void find_affinity(RequestContext& rc, std::string_view body) noexcept;

/// Set-Cookie on the answer of rc.endpoint, where the client does not have that cookie yet. False: no room.
bool add_sticky_cookie(RequestContext& rc, http::ResponseHead& head) noexcept;

}  // namespace postern::proxy
