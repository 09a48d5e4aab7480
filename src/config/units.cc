// Units as two small tables; one number and one unit, no fractions and no sums, so that each value has one reading.
#include "config/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace postern::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 5> kSizes{
    {{"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1}}};
constexpr std::array<Unit, 5> kDurations{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

std::optional<std::uint64_t> parse(std::string_view text, std::span<const Unit> units, bool unit_required) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<std::uint64_t> number = parse_unsigned(text.substr(0, digits));
  if (!number) return std::nullopt;
  const std::string_view name = text.substr(digits);
  if (name.empty()) return unit_required ? std::nullopt : number;
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (*number > std::numeric_limits<std::uint64_t>::max() / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

std::string format(std::uint64_t number, std::span<const Unit> units, std::string_view zero) {
  if (number == 0) return std::string(zero);
  for (const Unit& unit : units) {
    if (number % unit.factor == 0) return fmt::format("{}{}", number / unit.factor, unit.name);
  }
  return {};
}

}  // namespace

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> parse_size(std::string_view text) { return parse(text, kSizes, false); }
std::optional<std::uint64_t> parse_duration(std::string_view text) { return parse(text, kDurations, true); }

std::string format_size(std::uint64_t bytes) { return format(bytes, kSizes, "0"); }

std::string format_duration(std::uint64_t milliseconds) {
  // "300s" and "90s" are how people write timeouts: minutes and more only where they are whole hours.
  const std::span<const Unit> all(kDurations);
  if (milliseconds % 3'600'000 == 0) return format(milliseconds, all.subspan(1, 1), "0s");
  return format(milliseconds, all.subspan(3), "0s");
}

}  // namespace postern::config
