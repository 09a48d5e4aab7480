// Comma-separated field values. Used wherever a field is a list of tokens. Any thread, no allocation.
// Knows no quoted strings: for those that may hold them see for_each_element().
#pragma once

#include <string_view>

namespace postern::http {

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

/// Without the SP and HTAB around it.
constexpr std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Calls `visit(std::string_view)` for each element, trimmed; empty ones are passed over (RFC 9110 5.6.1).
template <class Visit>
constexpr void for_each_token(std::string_view list, Visit&& visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view token = trim(list.substr(0, comma));
    if (!token.empty()) visit(token);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

/// The same, but a separator inside a quoted string does not separate. An unclosed quote runs to the end.
template <class Visit>
constexpr void for_each_element(std::string_view list, char separator, Visit&& visit) {
  std::size_t start = 0;
  bool quoted = false;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    if (i < list.size()) {
      const char c = list[i];
      if (quoted && c == '\\') {
        ++i;
        continue;
      }
      if (c == '"') quoted = !quoted;
      if (quoted || c != separator) continue;
    }
    const std::string_view element = trim(list.substr(start, (i < list.size() ? i : list.size()) - start));
    if (!element.empty()) visit(element);
    start = i + 1;
    if (start > list.size()) return;
  }
}

}  // namespace postern::http
