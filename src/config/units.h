// Sizes ("64KiB") and durations ("10s", "500ms") as text: read and written by the schema's types. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::config {

/// Digits with an optional unit B, KiB, MiB, GiB or TiB; none on anything else or on overflow.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// Digits with a unit ms, s, m, h or d, in milliseconds; none on anything else or on overflow.
std::optional<std::uint64_t> parse_duration(std::string_view text);
std::optional<std::uint64_t> parse_unsigned(std::string_view text);

/// The largest unit that gives a whole number: 65536 is "64KiB", 90000 is "90s".
std::string format_size(std::uint64_t bytes);
std::string format_duration(std::uint64_t milliseconds);

}  // namespace postern::config
