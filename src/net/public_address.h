// Whether an address is one of the public internet: what a name that strangers choose may lead to. Pure; any thread.
#pragma once

#include "http/address.h"

namespace postern::net {

/// False for loopback, private, link-local (the metadata services of clouds among them), shared, documentation,
/// benchmarking, multicast and reserved networks, and for IPv6 that only carries such an IPv4 address.
bool is_public(const http::Address& address) noexcept;

}  // namespace postern::net
