// Which bytes need no escaping in a JSON string nor in a Common Log Format field, one or eight at a time. Any thread.
#pragma once

#include <cstdint>

namespace postern {

constexpr bool is_plain(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

/// The same of eight bytes in any order.
constexpr bool are_plain(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t kOnes = ~std::uint64_t{0} / 255, kTops = kOnes * 0x80;
  const auto has_byte = [bytes](std::uint64_t byte) {
    const std::uint64_t zero_where_equal = bytes ^ (kOnes * byte);
    return (zero_where_equal - kOnes) & ~zero_where_equal & kTops;
  };
  const std::uint64_t below_space = (bytes - kOnes * 0x20) & ~bytes & kTops;
  return ((bytes & kTops) | below_space | has_byte('"') | has_byte('\\') | has_byte(0x7F)) == 0;
}

}  // namespace postern
