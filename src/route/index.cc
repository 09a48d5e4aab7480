// The few parts of the index that are not on the hot path.
#include "route/index.h"

#include <random>

namespace postern::route {

HashKey HashKey::random() {
  std::random_device device;  // getrandom or RDRAND; throws when it has neither
  const auto word = [&device] { return static_cast<std::uint64_t>(device()) << 32 | device(); };
  const std::uint64_t start = word();
  return {start, word() | 1};
}

MethodSet method_bit(const Index& index, http::Method method, std::string_view token) noexcept {
  if (method != http::Method::other) return MethodSet::of(method);
  for (std::size_t i = 0; i < index.custom_methods.size(); ++i) {
    if (index.custom_methods[i] == token) return MethodSet::custom(static_cast<unsigned>(i));
  }
  return {};
}

}  // namespace postern::route
