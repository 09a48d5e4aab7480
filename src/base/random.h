// Fast random numbers for request ids and jitter: xoshiro256**, seeded by the kernel. Not for keys or tokens.
// One core only.
#pragma once

#include <array>
#include <cstdint>

namespace postern {

class Random {
 public:
  Random();  // seeded by getrandom(2)
  explicit Random(std::uint64_t seed) noexcept;

  std::uint64_t next() noexcept {
    const std::uint64_t result = rotl(s_[1] * 5, 7) * 9;
    const std::uint64_t t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = rotl(s_[3], 45);
    return result;
  }

 private:
  static std::uint64_t rotl(std::uint64_t x, int k) noexcept { return (x << k) | (x >> (64 - k)); }
  std::array<std::uint64_t, 4> s_;
};

}  // namespace postern
