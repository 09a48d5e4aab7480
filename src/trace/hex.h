// Hexadecimal digits of ids, read strictly. For the parsers of context.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "trace/context.h"

namespace postern::trace {

/// Lower case only, 16 digits at most; every byte must be one.
constexpr std::optional<std::uint64_t> parse_hex(std::string_view text) noexcept {
  if (text.empty() || text.size() > 16) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint64_t>(c - 'a') + 10;
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

/// 32 digits, not all of them 0.
constexpr std::optional<TraceId> parse_trace_id(std::string_view text) noexcept {
  if (text.size() != 32) return std::nullopt;
  const auto high = parse_hex(text.substr(0, 16));
  const auto low = parse_hex(text.substr(16));
  if (!high || !low || (*high | *low) == 0) return std::nullopt;
  return TraceId{*high, *low};
}

/// 16 digits, not all of them 0.
constexpr std::optional<SpanId> parse_span_id(std::string_view text) noexcept {
  if (text.size() != 16) return std::nullopt;
  const auto id = parse_hex(text);
  return id && *id != 0 ? id : std::nullopt;
}

}  // namespace postern::trace
