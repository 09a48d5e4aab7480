// The hash behind the route index: keyed per table with random bits, so that nobody outside can aim at a bucket.
// Header only; called several times per request, on a core. Not a MAC: it decides where to look, never what is equal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace postern::route {

struct HashKey {
  std::uint64_t start = 0;
  std::uint64_t factor = 0;  // odd

  /// From the kernel; throws when there is no randomness. Start-up and reload only.
  static HashKey random();
};

namespace detail {

__extension__ using Wide = unsigned __int128;

// Both halves of the product: every input bit reaches every output bit, in one multiplication.
inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <class Word>
std::uint64_t load(const char* at) noexcept {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// 0 to 7 bytes in one word; together with the length no two texts share one.
inline std::uint64_t load_rest(const char* at, std::size_t size) noexcept {
  if (size >= 4) return load<std::uint32_t>(at) << 32 | load<std::uint32_t>(at + size - 4);
  if (size == 0) return 0;
  return load<std::uint8_t>(at) << 16 | load<std::uint8_t>(at + size / 2) << 8 | load<std::uint8_t>(at + size - 1);
}

}  // namespace detail

/// `owner` is what the text is looked up under: the same text below two owners hashes apart.
inline std::uint64_t hash_of(const HashKey& key, std::uint32_t owner, std::string_view text) noexcept {
  std::uint64_t state = detail::fold(key.start ^ owner, key.factor ^ (static_cast<std::uint64_t>(text.size()) << 32));
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; at += 8, left -= 8) state = detail::fold(state ^ detail::load<std::uint64_t>(at), key.factor);
  return detail::fold(state ^ detail::load_rest(at, left), key.factor ^ key.start);
}

}  // namespace postern::route
