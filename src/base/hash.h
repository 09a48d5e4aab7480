// A stable 64-bit hash of text: the same in every process and release, for choices that several proxies shall agree on
// (endpoint ids, hash keys). Header only, any thread. Not keyed, not a MAC: never for tables that strangers can fill.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern {

/// All bits of the word in all bits of the answer (the finaliser of SplitMix64).
constexpr std::uint64_t mix_hash(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Eight bytes at a time, little-endian on every machine; the length counts, too. Bytes that come in pieces are
/// hashed as hash_text(next, hash of those before): cut at the same places, or the answer differs.
constexpr std::uint64_t hash_text(std::string_view text, std::uint64_t seed = 0) noexcept {
  constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;
  std::uint64_t hash = seed ^ (kStep * (text.size() + 1));
  std::uint64_t word = 0;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << (8 * (i & 7));
    if ((i & 7) != 7) continue;
    hash = mix_hash(hash + kStep) ^ word;
    word = 0;
  }
  if ((i & 7) != 0) hash = mix_hash(hash + kStep) ^ word;
  return mix_hash(hash + kStep);
}

}  // namespace postern
