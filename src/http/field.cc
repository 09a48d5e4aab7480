// Names of fields and case-insensitive comparing. Any thread.
#include "http/field.h"

#include "http/field_lookup.h"

namespace postern::http {

FieldId field_id(std::string_view name) noexcept { return lookup::find(name.data(), name.size()); }

std::string_view field_name(FieldId id) noexcept { return lookup::kNames[static_cast<std::size_t>(id)]; }

bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto x = static_cast<unsigned char>(a[i]);
    const auto y = static_cast<unsigned char>(b[i]);
    if (x == y) continue;
    const unsigned folded = x | 0x20U;
    if ((x ^ y) != 0x20 || folded < 'a' || folded > 'z') return false;
  }
  return true;
}

}  // namespace postern::http
