// Copies short texts without a call. For records on their way into a ring, which hold a dozen of them. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>

namespace postern {

/// memcpy for texts, most of which are short: without a call, and some bytes twice.
inline void copy_text(char* to, const char* from, std::size_t size) noexcept {
  if (size >= 8 && size <= 32) {
    std::array<char, 8> last;
    std::memcpy(last.data(), from + size - 8, 8);
    std::memcpy(to, from, 8);
    if (size > 16) std::memcpy(to + 8, from + 8, 8);
    if (size > 24) std::memcpy(to + 16, from + 16, 8);
    std::memcpy(to + size - 8, last.data(), 8);
  } else if (size >= 4 && size < 8) {
    std::array<char, 4> last;
    std::memcpy(last.data(), from + size - 4, 4);
    std::memcpy(to, from, 4);
    std::memcpy(to + size - 4, last.data(), 4);
  } else if (size != 0) {  // an empty text may stand nowhere
    std::memcpy(to, from, size);
  }
}

}  // namespace postern
