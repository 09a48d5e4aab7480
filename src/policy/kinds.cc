#include "policy/kinds.h"

namespace postern::policy {

const FactKind* find_kind(std::string_view written, std::string_view& parameter) noexcept {
  parameter = {};
  const FactKind* open = nullptr;  // "path" is a fact, "path.<variable>" another one: the whole name goes first
  for (const FactKind* kind : kinds()) {
    if (kind->parameter.empty()) {
      if (kind->name == written) return kind;
      continue;
    }
    const std::size_t size = kind->name.size();
    if (written.size() > size + 1 && written.starts_with(kind->name) && written[size] == '.') open = kind;
  }
  if (open) parameter = written.substr(open->name.size() + 1);
  return open;
}

std::string title(const FactKind& kind) {
  std::string text(kind.name);
  if (!kind.parameter.empty()) text.append(".<").append(kind.parameter).append(">");
  return text;
}

}  // namespace postern::policy
