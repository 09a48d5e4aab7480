// See retry.h.
#include "trace/retry.h"

#include <time.h>

#include <algorithm>
#include <string>

namespace postern::trace {

std::int64_t pause_ms(unsigned tries, std::uint64_t random) noexcept {
  const std::int64_t whole = std::min(kFirstPauseMs << std::min(tries > 0 ? tries - 1 : 0, 16U), kLongestPauseMs);
  return whole / 2 + static_cast<std::int64_t>(random % static_cast<std::uint64_t>(whole / 2 + 1));
}

std::optional<std::int64_t> retry_after_ms(std::string_view text, std::int64_t now) noexcept {
  if (text.empty() || text.size() > 64) return std::nullopt;
  std::int64_t seconds = 0;
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    for (const char c : text) seconds = std::min<std::int64_t>(seconds * 10 + (c - '0'), kLongestPauseMs);
  } else {
    tm date{};
    const std::string copy(text);
    const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
    if (end == nullptr || *end != '\0') return std::nullopt;
    seconds = std::clamp<std::int64_t>(::timegm(&date) - now, 0, kLongestPauseMs);
  }
  return std::min(seconds * 1000, kLongestPauseMs);
}

}  // namespace postern::trace
