// Numbers and words of lines. Used by format.cc and format_template.cc only.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/escape.h"

namespace postern::accesslog {

inline constexpr std::string_view kCutMark = "...";

inline void append_number(std::string& out, std::uint64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

/// Three digits, zeros in front.
inline void append_thousandths(std::string& out, std::uint64_t value) {
  const char digits[] = {static_cast<char>('0' + value / 100), static_cast<char>('0' + value / 10 % 10),
                         static_cast<char>('0' + value % 10)};
  out.append(digits, sizeof digits);
}

/// Milliseconds with three decimals.
inline void append_ms(std::string& out, std::int64_t ns) {
  const auto us = static_cast<std::uint64_t>(ns > 0 ? ns : 0) / 1000;
  append_number(out, us / 1000);
  out += '.';
  append_thousandths(out, us % 1000);
}

/// A word of a common line: never empty, never with a space.
inline void append_word(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += '-';
    return;
  }
  const std::size_t start = out.size();
  append_hex_escaped(out, text);
  for (std::size_t at = out.find(' ', start); at != std::string::npos; at = out.find(' ', at)) {
    out.replace(at, 1, "\\x20");
  }
}

inline void append_quoted(std::string& out, std::string_view text, bool is_cut) {
  out += '"';
  if (text.empty()) out += '-';
  append_hex_escaped(out, text);
  if (is_cut) out += kCutMark;
  out += '"';
}

inline std::string_view without_userinfo(std::string_view host) noexcept {
  return host.substr(host.rfind('@') + 1);  // npos + 1 is 0
}

}  // namespace postern::accesslog
