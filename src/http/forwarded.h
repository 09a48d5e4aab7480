// Who the client is behind proxies that we trust, and what we tell the next hop about it.
// The pipeline calls it once per request before anything asks for the address. No allocation. Trust is the caller's
// predicate; nobody is trusted unless configuration says so.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "http/address.h"
#include "http/fields.h"
#include "http/head.h"

namespace postern::http {

/// Which field carries the chain. One, never a mix: a proxy that maintains the one passes forgeries in the other.
enum class ForwardedSource : std::uint8_t { x_forwarded_for, forwarded };

/// The addresses of the chain, nearest first (right to left over all lines). Stops at the first that is no address.
struct ForwardedChain {
  static constexpr std::size_t kMax = 32;
  std::array<Address, kMax> hops;
  std::size_t size = 0;
};
void read_forwarded_chain(const Fields& fields, ForwardedSource source, ForwardedChain& out) noexcept;

/// The nearest address that `trusted(const Address&)` does not vouch for: `peer` itself when it is not trusted, else
/// the first untrusted one from the right, else (all trusted, or the chain breaks) the last that was.
/// A peer on a Unix socket has size 0; the predicate sees it like any other.
template <class Trusted>
Address client_address(const Fields& fields, const Address& peer, ForwardedSource source, Trusted&& trusted) {
  if (!trusted(peer)) return peer;
  ForwardedChain chain;
  read_forwarded_chain(fields, source, chain);
  Address nearest = peer;
  for (std::size_t i = 0; i < chain.size; ++i) {
    nearest = chain.hops[i];
    if (!trusted(nearest)) break;
  }
  return nearest;
}

/// Upper bound of write_forwarded() for that host.
constexpr std::size_t forwarded_bound(std::string_view host) noexcept { return 96 + 2 * host.size(); }

/// One element for Forwarded (RFC 7239): `for="[2001:db8::1]";host="h:1";proto=https`. An unknown address is
/// `for=unknown`; host is left out where empty. Returns the end.
char* write_forwarded(char* out, const Address& client, std::string_view host, Scheme scheme) noexcept;

}  // namespace postern::http
