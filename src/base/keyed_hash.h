// A keyed 128-bit hash for tables that strangers can fill: who does not know the key cannot aim at a slot. Two
// independent lanes of folded multiplications, each over every byte; about 0.15 ns a byte. Header only, any thread.
// Not a MAC: answers never leave the process, and where two different texts must never pass for each other, the texts
// are compared as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/hash.h"

namespace postern {

struct KeyedHash {
  std::uint64_t low = 0;   // decides the slot
  std::uint64_t high = 0;  // tells what is in it

  friend bool operator==(const KeyedHash&, const KeyedHash&) = default;
};

class HashSeed {
 public:
  /// From the kernel; throws when there is no randomness. Start-up only.
  static HashSeed random();
  /// For tests, which like small numbers: multiplied as they are, those would stay small.
  constexpr HashSeed(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) noexcept
      : a_(mix_hash(a)), b_(mix_hash(b)), c_(mix_hash(c)), d_(mix_hash(d)) {}

  KeyedHash hash(std::string_view text, std::uint64_t domain = 0) const noexcept {
    const char* at = text.data();
    std::size_t left = text.size();
    std::uint64_t x = c_ ^ domain;
    std::uint64_t y = d_ + domain;
    if (left >= 64) {
      // Each lane in two chains: the processor waits for one multiplication while it makes the other.
      std::uint64_t x2 = x ^ b_;
      std::uint64_t y2 = y ^ a_;
      for (; left >= 32; at += 32, left -= 32) {
        const std::uint64_t first = load(at);
        const std::uint64_t second = load(at + 8);
        const std::uint64_t third = load(at + 16);
        const std::uint64_t fourth = load(at + 24);
        x = fold(first ^ a_, second ^ x);
        y = fold(first ^ y, second ^ b_);
        x2 = fold(third ^ b_, fourth ^ x2);
        y2 = fold(third ^ y2, fourth ^ a_);
      }
      x = fold(x ^ c_, x2 ^ d_);
      y = fold(y ^ d_, y2 ^ c_);
    }
    for (; left >= 16; at += 16, left -= 16) {
      const std::uint64_t first = load(at);
      const std::uint64_t second = load(at + 8);
      x = fold(first ^ a_, second ^ x);
      y = fold(first ^ y, second ^ b_);
    }
    char rest[16] = {};
    if (left != 0) std::memcpy(rest, at, left);
    const std::uint64_t first = load(rest);
    const std::uint64_t second = load(rest + 8);
    x = fold(first ^ a_, second ^ x);
    y = fold(first ^ y, second ^ b_);
    return {fold(x ^ text.size(), a_ ^ d_), fold(y ^ text.size(), b_ ^ c_)};
  }

 private:
  __extension__ using Wide = unsigned __int128;

  static std::uint64_t load(const char* at) noexcept {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
  }
  // Both halves of the product: every bit of either factor reaches the answer.
  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  std::uint64_t a_, b_, c_, d_;
};

}  // namespace postern
