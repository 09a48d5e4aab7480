#include "base/keyed_hash.h"

#include <random>

namespace postern {

HashSeed HashSeed::random() {
  std::random_device device;  // getrandom or RDRAND; throws when it has neither
  const auto word = [&device] { return static_cast<std::uint64_t>(device()) << 32 | device(); };
  const std::uint64_t a = word();
  const std::uint64_t b = word();
  const std::uint64_t c = word();
  return {a, b, c, word()};
}

}  // namespace postern
