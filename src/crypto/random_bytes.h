// Random bytes that may become keys: from OpenSSL's generator for secrets. Any thread.
#pragma once

#include <span>

namespace postern::crypto {

/// False: there is no randomness; the bytes are not to be used.
bool fill_random(std::span<unsigned char> out) noexcept;

}  // namespace postern::crypto
