// Three-valued logic (Kleene): a test of a fact that is not known is neither true nor false, and what stands upon it
// may not be either. `unknown` lies between the two, so `and` is the smaller and `or` the greater.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace postern::policy {

enum class Tri : std::uint8_t { no, unknown, yes };

constexpr Tri to_tri(bool holds) noexcept { return holds ? Tri::yes : Tri::no; }
constexpr Tri both(Tri a, Tri b) noexcept { return std::min(a, b); }
constexpr Tri either(Tri a, Tri b) noexcept { return std::max(a, b); }
constexpr Tri negation(Tri a) noexcept { return static_cast<Tri>(2 - static_cast<int>(a)); }

constexpr std::string_view to_string(Tri value) noexcept {
  return value == Tri::yes ? "true" : value == Tri::no ? "false" : "unknown";
}

}  // namespace postern::policy
