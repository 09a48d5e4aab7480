#include "http/cookie.h"

namespace postern::http {

namespace {

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view find_in(std::string_view list, std::string_view name) noexcept {
  while (!list.empty()) {
    const std::size_t end = list.find(';');
    const std::string_view pair = trimmed(list.substr(0, end));
    list = end == std::string_view::npos ? std::string_view() : list.substr(end + 1);
    if (pair.size() <= name.size() || pair[name.size()] != '=' || !pair.starts_with(name)) continue;
    std::string_view value = pair.substr(name.size() + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
  return {};
}

}  // namespace

std::string_view find_cookie(const Fields& fields, std::string_view name) noexcept {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields.id(i) != FieldId::cookie) continue;
    if (const std::string_view value = find_in(fields[i].value, name); value.data() != nullptr) return value;
  }
  return {};
}

}  // namespace postern::http
