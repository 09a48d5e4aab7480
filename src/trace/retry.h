// When a batch of spans that the collector did not take is sent again: OTLP's rules. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::trace {

inline constexpr unsigned kMaxTries = 6;  // with the pauses below: 8 to 16 seconds
inline constexpr std::int64_t kFirstPauseMs = 500;
inline constexpr std::int64_t kLongestPauseMs = 60'000;  // also of what the collector asks for

/// 429, 502, 503 and 504; other statuses would come again.
constexpr bool may_resend(unsigned status) noexcept {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

/// Before the try behind `tries`: doubled each time, and half of it left to chance (`random`).
std::int64_t pause_ms(unsigned tries, std::uint64_t random) noexcept;

/// Seconds or an HTTP date, as milliseconds from now; at most kLongestPauseMs. `now`: Unix seconds.
std::optional<std::int64_t> retry_after_ms(std::string_view text, std::int64_t now) noexcept;

}  // namespace postern::trace
