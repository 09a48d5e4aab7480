// DNS answers as bytes from the network: the records of a service, and which addresses may be endpoints at all.
// Pure; the answer may hold anything.
#pragma once

#include <cstdint>
#include <span>

#include "postern/discovery.h"

namespace postern::discovery {

/// Of one upstream, from whatever source; more are left out.
inline constexpr std::size_t kMostEndpoints = 1024;

/// The SRV records of a whole DNS message, its lowest TTL; targets that are no host names and ports of 0 are left out.
ServiceAnswer parse_services(std::span<const std::uint8_t> message);

/// Nobody can be reached at a wildcard, multicast or broadcast address, nor at a link-local one without its interface.
bool is_usable(const http::Address& address) noexcept;

}  // namespace postern::discovery
