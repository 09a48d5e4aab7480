#include "http/deadline.h"

#include <algorithm>
#include <cstdint>

namespace postern::http {

namespace {

constexpr std::size_t kMaxDigits = 9;
constexpr std::size_t kMaxDecimals = 3;

/// The digits at the front of `text`, taken off it; none: there are none, or too many.
std::optional<std::int64_t> take_digits(std::string_view& text, std::size_t most) noexcept {
  std::int64_t value = 0;
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') {
    if (count == most) return std::nullopt;
    value = value * 10 + (text[count++] - '0');
  }
  text.remove_prefix(count);
  if (count == 0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_deadline(std::string_view text) noexcept {
  const auto whole = take_digits(text, kMaxDigits);
  if (!whole) return std::nullopt;
  std::int64_t thousandths = 0;
  bool has_point = false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    has_point = true;
    const std::size_t before = text.size();
    const auto decimals = take_digits(text, kMaxDecimals);
    if (!decimals) return std::nullopt;
    thousandths = *decimals;
    for (std::size_t digits = before - text.size(); digits < kMaxDecimals; ++digits) thousandths *= 10;
  }
  std::int64_t ms = *whole * 1000 + thousandths;
  if (text == "ms" && !has_point)
    ms = *whole;
  else if (text == "m")
    ms *= 60;
  else if (!text.empty() && text != "s")
    return std::nullopt;
  return std::clamp(std::chrono::milliseconds(ms), std::chrono::milliseconds(1), kMaxDeadline);
}

}  // namespace postern::http
