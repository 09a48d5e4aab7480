// Walks the schema over Settings; knows no key by name.
#include "config/print.h"

#include <fmt/format.h>

#include "config/diagnostic.h"
#include "config/schema.h"

namespace postern::config {
namespace {

void print_section(const Section& section, const void* object, const std::string& path, std::string& out) {
  for (const KeySpec* key : section.keys) {
    out += fmt::format("{} = {}\n", name_of(key->path), format_value(*key, key->bind.get(object)));
  }
  for (const Section& child : section.sections) {
    const std::string at = join(path, name_of(child.spec->path));
    const bool repeated = child.spec->occurs == Occurs::repeated;
    for (std::size_t i = 0; i < child.spec->count(object); ++i) {
      out += repeated ? fmt::format("\n[[{}]]\n", at) : fmt::format("\n[{}]\n", at);
      print_section(child, child.spec->at(object, i), at, out);
    }
  }
}

}  // namespace

std::string print(const Settings& settings) {
  std::string out;
  print_section(schema(), &settings, "", out);
  return out;
}

}  // namespace postern::config
