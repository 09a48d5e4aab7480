// How long a client still waits, as it says so in a header of the operator's choice. Strict: a value that two programs
// could read differently is none. Pure functions; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace postern::http {

/// Longer ones mean this one.
inline constexpr std::chrono::milliseconds kMaxDeadline = std::chrono::hours(24 * 365);

/// "250ms", "1.5s", "2m", or a plain number of seconds: up to nine digits, up to three more behind a point (not with
/// ms). Never less than a millisecond: 0 would be "no limit" to others.
std::optional<std::chrono::milliseconds> parse_deadline(std::string_view text) noexcept;

}  // namespace postern::http
