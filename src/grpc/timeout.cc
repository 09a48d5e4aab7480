#include "grpc/timeout.h"

#include <algorithm>
#include <cstdint>

namespace postern::grpc {

namespace {

constexpr std::size_t kMaxDigits = 8;

/// How a unit becomes milliseconds: eight digits of any of them fit into 64 bits on the way. 0: no such unit.
struct Unit {
  std::int64_t multiply = 0;
  std::int64_t divide = 1;
};

Unit unit_of(char c) noexcept {
  switch (c) {
    case 'H':
      return {3'600'000, 1};
    case 'M':
      return {60'000, 1};
    case 'S':
      return {1'000, 1};
    case 'm':
      return {1, 1};
    case 'u':
      return {1, 1'000};
    case 'n':
      return {1, 1'000'000};
    default:
      return {};
  }
}

}  // namespace

Result<std::chrono::milliseconds> parse_timeout(std::string_view text) noexcept {
  constexpr Error kBad{Code::malformed, Side::downstream, Retry::never};
  if (text.size() < 2 || text.size() > kMaxDigits + 1) return kBad;
  const Unit unit = unit_of(text.back());
  if (unit.multiply == 0) return kBad;
  text.remove_suffix(1);
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return kBad;
    value = value * 10 + (c - '0');
  }
  const std::int64_t ms = (value * unit.multiply + unit.divide - 1) / unit.divide;
  return std::min(std::chrono::milliseconds(ms), kMaxTimeout);
}

}  // namespace postern::grpc
