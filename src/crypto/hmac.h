// HMAC-SHA256, for values that come back from clients and must be ours. Any thread.
#pragma once

#include <array>
#include <string_view>

namespace postern::crypto {

using Hmac = std::array<unsigned char, 32>;

/// False: the library would not.
bool hmac_sha256(std::string_view key, std::string_view message, Hmac& out) noexcept;

/// Takes as long for a near miss as for a wild guess.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace postern::crypto
