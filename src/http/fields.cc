// Lookups and edits of a field list that are not worth inlining. One core.
#include "http/fields.h"

namespace postern::http {

std::string_view Fields::find(FieldId id) const noexcept {
  for (std::size_t i = 0; i < size_; ++i) {
    if (slots_[i].id == id) return {slots_[i].value, slots_[i].value_size};
  }
  return {};
}

std::string_view Fields::find(std::string_view name) const noexcept {
  const FieldId id = field_id(name);
  if (id != FieldId::other) return find(id);
  for (std::size_t i = 0; i < size_; ++i) {
    const Slot& s = slots_[i];
    if (s.id == FieldId::other && iequals({s.name, s.name_size}, name)) return {s.value, s.value_size};
  }
  return {};
}

std::size_t Fields::count(FieldId id) const noexcept {
  std::size_t n = 0;
  for (std::size_t i = 0; i < size_; ++i) n += slots_[i].id == id ? 1 : 0;
  return n;
}

void Fields::remove(FieldId id) noexcept {
  remove_if([id](const Field& field) { return field.id == id; });
}

void Fields::remove(std::string_view name) noexcept {
  const FieldId id = field_id(name);
  if (id != FieldId::other) return remove(id);
  remove_if([name](const Field& field) { return field.id == FieldId::other && iequals(field.name, name); });
}

bool Fields::set(std::string_view name, std::string_view value) noexcept {
  remove(name);
  return add(name, value);
}

}  // namespace postern::http
