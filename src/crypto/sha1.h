// SHA-1, for the one protocol that still asks for it: the WebSocket handshake, where it proves nothing but that the
// peer has read the request. Any thread.
#pragma once

#include <array>
#include <span>

namespace postern::crypto {

using Sha1 = std::array<unsigned char, 20>;

/// False: the library would not (a policy may forbid it).
bool sha1(std::span<const char> bytes, Sha1& out) noexcept;

}  // namespace postern::crypto
