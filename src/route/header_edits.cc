// Header edits and trailer lists: config's checks applied once more, then ids looked up.
// The checks stand in config/syntax.h; a table built from settings that no file check saw is held to the same rules.
#include "route/header_edits.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/syntax.h"

namespace postern::route {
namespace {

bool check_name(const std::string& name, std::vector<std::string>& errors) {
  const std::string wrong = config::check_editable_header(name);
  if (!wrong.empty()) errors.push_back(fmt::format("\"{}\": {}", name, wrong));
  return wrong.empty();
}

// The value itself stays out of the message: it may be a secret.
bool check_pair(const std::string& name, const std::string& value, std::vector<std::string>& errors) {
  if (!check_name(name, errors)) return false;
  const std::string wrong = config::check_header_value(value);
  if (!wrong.empty()) errors.push_back(fmt::format("\"{}\": {}", name, wrong));
  return wrong.empty();
}

bool same_name(http::FieldId id, std::string_view name, http::FieldId other_id, std::string_view other) noexcept {
  return id == other_id && (id != http::FieldId::other || http::iequals(name, other));
}

}  // namespace

HeaderEdits HeaderEdits::compile(const config::HeaderEdits& edits, std::vector<std::string>& errors) {
  HeaderEdits compiled;
  for (const std::string& name : edits.remove) {
    if (check_name(name, errors)) compiled.removes_.push_back({name, {}, http::field_id(name)});
  }
  for (const auto& [name, value] : edits.set) {
    if (!check_pair(name, value, errors)) continue;
    const http::FieldId id = http::field_id(name);
    const bool twice = std::any_of(compiled.adds_.begin(), compiled.adds_.end(),
                                   [&](const Edit& e) { return same_name(id, name, e.id, e.name); });
    if (twice) errors.push_back(fmt::format("\"{}\": set twice", name));
    compiled.removes_.push_back({name, {}, id});
    compiled.adds_.push_back({name, value, id});
  }
  for (const auto& [name, value] : edits.add) {
    if (check_pair(name, value, errors)) compiled.adds_.push_back({name, value, http::field_id(name)});
  }
  return compiled;
}

bool HeaderEdits::apply(http::Fields& fields) const noexcept {
  for (const Edit& edit : removes_) {
    if (edit.id != http::FieldId::other) {
      fields.remove(edit.id);
    } else {
      fields.remove(edit.name);
    }
  }
  for (const Edit& edit : adds_) {
    if (!fields.add(edit.name, edit.value, edit.id)) return false;
  }
  return true;
}

TrailerList TrailerList::compile(const std::vector<std::string>& names, std::vector<std::string>& errors) {
  TrailerList list;
  for (const std::string& name : names) {
    if (check_name(name, errors)) list.names_.push_back({name, http::field_id(name)});
  }
  return list;
}

bool TrailerList::allows(std::string_view name) const noexcept {
  if (names_.empty()) return false;
  const http::FieldId id = http::field_id(name);
  return std::any_of(names_.begin(), names_.end(), [&](const Name& n) { return same_name(id, name, n.id, n.text); });
}

}  // namespace postern::route
