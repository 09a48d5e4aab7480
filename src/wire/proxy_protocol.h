// PROXY protocol v1 and v2 headers: who really connected, as a load balancer in front of us says it.
// Listeners parse it before anything else on connections from declared peers; upstreams may write it. Pure functions:
// no sockets, no allocation. Whether a peer may speak it is decided elsewhere. TLVs are skipped, not read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "http/address.h"
#include "wire/h1_parse.h"

namespace postern::wire {

struct ProxyHeader {
  http::Address source;       // size 0: not known (LOCAL, UNKNOWN, UNSPEC, unix): use the socket's own
  http::Address destination;  // likewise
  bool local = false;         // v2 LOCAL: a health check of the balancer itself
};

struct ProxyResult {
  ParseStatus status = ParseStatus::need_more;
  std::size_t consumed = 0;
  const char* reason = nullptr;  // failed: static text; close without an answer
};

inline constexpr std::size_t kProxyV1Max = 107;       // with CRLF, from the specification
inline constexpr std::size_t kProxyV2Payload = 4096;  // addresses and TLVs together
inline constexpr std::size_t kProxyHeaderMax = 16 + kProxyV2Payload;

/// Reads a header of either version from the front of the bytes; the same bytes cut anywhere give the same outcome.
ProxyResult parse_proxy_header(const char* data, std::size_t size, ProxyHeader& out) noexcept;

/// Both return the end; `out` has kProxyV1Max bytes or 52. Addresses of unequal or no family: UNKNOWN, LOCAL.
char* write_proxy_v1(char* out, const http::Address& source, const http::Address& destination) noexcept;
char* write_proxy_v2(char* out, const http::Address& source, const http::Address& destination) noexcept;

}  // namespace postern::wire
