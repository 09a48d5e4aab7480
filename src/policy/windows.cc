// And whether a moment lies within: plain arithmetic, as offsets from UTC know no summer.
#include "policy/windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "policy/program.h"
#include "policy/syntax_error.h"

namespace postern::policy {
namespace {

constexpr std::array<std::string_view, 7> kDays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/// "HH:MM" as minutes.
std::optional<int> clock_minutes(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : 100'000; };
  const int hours = digit(0) * 10 + digit(1);
  const int minutes = digit(3) * 10 + digit(4);
  if (hours > 24 || minutes > 59 || (hours == 24 && minutes != 0)) return std::nullopt;
  return hours * 60 + minutes;
}

std::size_t day_of(const Token& token, std::string_view name) {
  const auto* found = std::ranges::find(kDays, name);
  if (found == kDays.end())
    throw SyntaxError(token.at, fmt::format("no weekday \"{}\"", name), "mon, tue, wed, thu, fri, sat, sun or mon-fri");
  return static_cast<std::size_t>(found - kDays.begin());
}

}  // namespace

std::uint16_t parse_time_of_day(const Token& token) {
  const auto minutes = clock_minutes(token.text);
  if (!minutes) throw SyntaxError(token.at, fmt::format("no time of day: \"{}\"", token.text), "\"08:00\"");
  return static_cast<std::uint16_t>(*minutes);
}

std::uint8_t parse_weekdays(const std::vector<Token>& tokens) {
  unsigned days = 0;
  for (const Token& token : tokens) {
    const std::string_view text = token.text;
    const std::size_t dash = text.find('-');
    const std::size_t first = day_of(token, text.substr(0, dash));
    const std::size_t last = dash == text.npos ? first : day_of(token, text.substr(dash + 1));
    for (std::size_t day = first;; day = (day + 1) % kDays.size()) {
      days |= 1u << day;
      if (day == last) break;
    }
  }
  return static_cast<std::uint8_t>(days);
}

std::int16_t parse_zone(const Token& token) {
  const std::string_view text = token.text;
  if (text == "UTC") return 0;
  const auto minutes = text.size() == 6 ? clock_minutes(text.substr(1)) : std::nullopt;
  if (!minutes || *minutes > 14 * 60 || (text[0] != '+' && text[0] != '-'))
    throw SyntaxError(token.at, fmt::format("no offset from UTC: \"{}\"", text), "\"UTC\" or \"+01:00\"");
  return static_cast<std::int16_t>(text[0] == '-' ? -*minutes : *minutes);
}

bool TimeWindow::contains(std::int64_t seconds) const noexcept {
  constexpr std::int64_t kDay = 86'400;
  const std::int64_t local = seconds + offset * 60;
  const auto minute = local % kDay / 60;
  auto day = (local / kDay + 4) % 7;  // 1970-01-01 was a Thursday
  if (from < until) {
    if (minute < from || minute >= until) return false;
  } else if (minute < until) {
    day = (day + 6) % 7;  // the part after midnight
  } else if (minute < from) {
    return false;
  }
  return (days >> day & 1) != 0;
}

}  // namespace postern::policy
