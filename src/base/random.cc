#include "base/random.h"

#include <sys/random.h>

#include <stdexcept>

namespace postern {

Random::Random() {
  if (::getrandom(s_.data(), sizeof s_, 0) != static_cast<ssize_t>(sizeof s_))
    throw std::runtime_error("getrandom failed");
}

Random::Random(std::uint64_t seed) noexcept {
  for (std::uint64_t& word : s_) {  // splitmix64, as its authors advise for seeding
    seed += 0x9e3779b97f4a7c15u;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    word = z ^ (z >> 31);
  }
}

}  // namespace postern
