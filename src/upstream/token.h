// What stands for an endpoint in a client's cookie: its id and a MAC over it and the upstream's name, as hexadecimal
// text. Made once per endpoint and core, so that neither making nor checking one costs a request a MAC. A value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::upstream {

/// Half of an HMAC-SHA256 is kept: 128 bits, as RFC 2104 (5) allows.
using EndpointToken = std::array<char, 48>;

/// False: no MAC could be made.
bool make_token(std::string_view key, std::string_view upstream, std::uint64_t id, EndpointToken& out) noexcept;
/// The id that a token names, whoever made it: still to be compared with that endpoint's own token. None: not a token.
std::optional<std::uint64_t> token_id(std::string_view token) noexcept;

}  // namespace postern::upstream
