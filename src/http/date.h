// HTTP dates (RFC 9110 5.6.7): writing IMF-fixdate, reading all three forms. Cores write once a second and keep it.
// Pure arithmetic on UTC; no locale, no time zone, no clock. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::http {

inline constexpr std::size_t kDateSize = 29;

/// "Sun, 06 Nov 1994 08:49:37 GMT": exactly kDateSize bytes, no NUL. Years 1..9999; others are clamped.
void write_date(char* out, std::int64_t unix_seconds) noexcept;

/// Seconds since the epoch, or nothing when the text is no HTTP date.
std::optional<std::int64_t> parse_date(std::string_view text) noexcept;

}  // namespace postern::http
