// SHA-256. Any thread.
#pragma once

#include <array>
#include <string_view>

namespace postern::crypto {

using Sha256 = std::array<unsigned char, 32>;

/// False: the library would not.
bool sha256(std::string_view bytes, Sha256& out) noexcept;

}  // namespace postern::crypto
