// A set of request methods in one word: the methods postern knows, and up to 16 more that the config names.
// Built with the route table; the custom bits mean something only together with that table. Values, any thread.
#pragma once

#include <cstdint>

#include "http/head.h"

namespace postern::route {

class MethodSet {
 public:
  static constexpr unsigned kCustomBase = 16;  // bits below are http::Method, bits from here on are the table's own
  static constexpr unsigned kMaxCustom = 16;

  constexpr MethodSet() noexcept = default;
  static constexpr MethodSet all() noexcept { return MethodSet(~std::uint32_t{0}); }
  static constexpr MethodSet of(http::Method method) noexcept {
    return MethodSet(std::uint32_t{1} << static_cast<unsigned>(method));
  }
  static constexpr MethodSet custom(unsigned index) noexcept {
    return MethodSet(std::uint32_t{1} << (kCustomBase + index));
  }

  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  [[nodiscard]] constexpr bool is_all() const noexcept { return bits_ == ~std::uint32_t{0}; }
  [[nodiscard]] constexpr bool intersects(MethodSet other) const noexcept { return (bits_ & other.bits_) != 0; }
  [[nodiscard]] constexpr bool contains(MethodSet other) const noexcept { return (other.bits_ & ~bits_) == 0; }
  friend constexpr bool operator==(MethodSet, MethodSet) noexcept = default;
  constexpr void add(MethodSet other) noexcept { bits_ |= other.bits_; }

 private:
  explicit constexpr MethodSet(std::uint32_t bits) noexcept : bits_(bits) {}
  std::uint32_t bits_ = 0;
};

}  // namespace postern::route
