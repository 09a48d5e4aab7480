// The printed form of a Diagnostic, and the look-up of positions with a fall-back to the table around.
#include "config/diagnostic.h"

#include <fmt/format.h>

namespace postern::config {

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.line != 0) text += fmt::format(":{}:{}", diagnostic.line, diagnostic.column);
  text += ": ";
  if (!diagnostic.key.empty()) text += diagnostic.key + ": ";
  text += diagnostic.message;
  if (!diagnostic.expected.empty()) text += "; expected " + diagnostic.expected;
  if (!diagnostic.nearest.empty()) text += fmt::format("; did you mean \"{}\"?", diagnostic.nearest);
  // One diagnostic is one line, whatever bytes the file holds.
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
  }
  return text;
}

Position Origins::find(std::string_view key) const {
  while (!key.empty()) {
    if (const auto found = positions_.find(key); found != positions_.end()) return found->second;
    const std::size_t cut = key.find_last_of(".[");
    if (cut == std::string_view::npos) break;
    key = key.substr(0, cut);
  }
  return {1, 1};  // the root table
}

std::string join(std::string_view table, std::string_view key) {
  if (table.empty()) return std::string(key);
  return fmt::format("{}.{}", table, key);
}

std::string item(std::string_view list, std::size_t index) { return fmt::format("{}[{}]", list, index); }

}  // namespace postern::config
