// host[:port]: splitting, checking, comparing. Used by the head parser, the router and the configuration of routes.
// Strict: names of letters, digits, '-', '_', '~' and single dots, IPv4 as a name, [IPv6]; no userinfo, no comma,
// no trailing dot, no escapes. Any thread, no allocation.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/head.h"

namespace postern::http {

struct Authority {
  std::string_view host;   // as written, an IPv6 literal with its brackets
  std::int32_t port = -1;  // -1: not given
};

/// False (with `out` unspecified) when the text is not host[:port]. Ports are 1 to 5 digits, 0..65535.
bool parse_authority(std::string_view text, Authority& out) noexcept;

/// Hosts equal in any case, ports equal once the scheme's default stands for a missing one.
bool same_authority(const Authority& a, const Authority& b, Scheme scheme) noexcept;

}  // namespace postern::http
