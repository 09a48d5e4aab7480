// Both documents are walks over the schema; wording that concerns one key stands in the table, not here.
#include "config/document.h"

#include <fmt/format.h>

#include "config/schema.h"
#include "config/units.h"

namespace postern::config {
namespace {

std::string_view type_name(Type type) {
  switch (type) {
    case Type::boolean:
      return "boolean";
    case Type::integer:
      return "integer";
    case Type::size:
      return "size";
    case Type::duration:
      return "duration";
    case Type::string:
      return "string";
    case Type::file_name:
      return "file name";
    case Type::word:
      return "word";
    case Type::strings:
      return "list of strings";
    case Type::name_values:
      return "table of strings";
  }
  return {};
}

std::string default_of(const KeySpec& key) {
  Value value;
  parse_value(key, key.fallback, value);
  return format_value(key, value);
}

// Range, words or form: what else than the type a value has to keep to.
std::string limits_of(const KeySpec& key) {
  switch (key.bind.type) {
    case Type::boolean:
    case Type::name_values:
      return {};
    case Type::integer:
    case Type::size:
    case Type::duration: {
      if (key.check.run != nullptr) return std::string(key.check.expected);
      const auto format = [&](std::uint64_t n) {
        if (key.bind.type == Type::integer) return fmt::format("{}", n);
        return key.bind.type == Type::size ? format_size(n) : format_duration(n);
      };
      return fmt::format("{} to {}", format(key.min), format(key.max));
    }
    case Type::word:
      return fmt::format("`\"{}\"`", fmt::join(key.words, "\"`, `\""));
    case Type::string:
    case Type::file_name:
    case Type::strings:
      break;
  }
  if (!key.words.empty() && key.bind.type == Type::strings)
    return fmt::format("`\"{}\"`", fmt::join(key.words, "\"`, `\""));
  return key.check.run == nullptr ? std::string() : std::string(key.check.expected);
}

// [a.b] or [[a.b]], as the file writes the table.
std::string header_of(const SectionSpec& spec) {
  std::string name;
  for (const char c : spec.path) {
    if (c != '[' && c != ']') name += c;
  }
  return spec.occurs == Occurs::repeated ? "[[" + name + "]]" : "[" + name + "]";
}

std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

void reference_section(const Section& section, std::string& out) {
  const bool root = section.spec->path.empty();
  out += fmt::format("\n## {}\n\n{}\n", root ? "Top level" : "`" + header_of(*section.spec) + "`", section.spec->doc);
  if (section.spec->required) out += "At least one is required.\n";
  if (section.spec->occurs == Occurs::optional) out += "Optional: absent unless written.\n";
  if (!section.keys.empty()) out += "\n| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n";
  for (const KeySpec* key : section.keys) {
    const std::string fallback = key->required ? "required" : "`" + default_of(*key) + "`";
    out +=
        fmt::format("| `{}` | {} | {} | {} | {}{} |\n", name_of(key->path), type_name(key->bind.type), cell(fallback),
                    cell(limits_of(*key)), cell(key->doc), key->secret ? " Values are masked when shown." : "");
  }
  for (const Section& child : section.sections) reference_section(child, out);
}

// Doc lines of the example wrap, so that it reads well in a terminal.
void comment(std::string_view words, std::string& out) {
  constexpr std::size_t kWidth = 98;
  std::string plain(words);
  std::erase(plain, '`');
  std::string_view text = plain;
  while (text.size() > kWidth) {
    const std::size_t space = text.rfind(' ', kWidth);
    if (space == std::string_view::npos) break;
    out += fmt::format("# {}\n", text.substr(0, space));
    text.remove_prefix(space + 1);
  }
  out += fmt::format("# {}\n", text);
}

void example_section(const Section& section, bool commented, std::string& out) {
  if (!section.spec->path.empty()) {
    out += "\n";
    comment(section.spec->doc, out);
    out += fmt::format("{}{}\n", commented ? "#" : "", header_of(*section.spec));
  }
  for (const KeySpec* key : section.keys) {
    const std::string limits = limits_of(*key);
    out += "\n";
    comment(key->doc, out);
    if (!limits.empty()) comment("Allowed: " + limits, out);
    const bool shown = !key->example.empty();
    out += fmt::format("{}{} = {}\n", shown && !commented ? "" : "#", name_of(key->path),
                       shown ? std::string(key->example) : default_of(*key));
  }
  for (const Section& child : section.sections) {
    example_section(child, commented || child.spec->occurs == Occurs::optional || !child.spec->in_example, out);
  }
}

constexpr std::string_view kReferenceHead =
    "# Config reference\n\n"
    "Made by `postern config reference` from the table that the parser itself uses; do not edit.\n\n"
    "The file is TOML. Durations are text such as `\"500ms\"`, `\"10s\"`, `\"5m\"`, `\"12h\"` or `\"7d\"`, sizes such "
    "as\n`\"8KiB\"`, `\"1MiB\"` or a plain number of bytes (`\"0\"`).\n\n"
    "Any value may be `\"env:NAME\"` (an environment variable) or `\"file:PATH\"` (a file of up to 1 MiB, without the "
    "line\nend at its end); also numbers and booleans. Relative file names are seen from the config file's folder.\n\n"
    "`postern check --config FILE` lists every mistake with its line and column.\n";

constexpr std::string_view kExampleHead =
    "# postern: every key, with its default.\n"
    "# Made by `postern config example` from the table that the parser itself uses; do not edit, copy.\n"
    "# A line that starts with \"#\" and a key shows the default; lines without it are needed or part of the example.\n"
    "# Any value may be \"env:NAME\" or \"file:PATH\". Relative file names are seen from this file's folder.\n";

}  // namespace

std::string reference_markdown() {
  std::string out(kReferenceHead);
  reference_section(schema(), out);
  return out;
}

std::string example_toml() {
  std::string out(kExampleHead);
  example_section(schema(), false, out);
  return out;
}

}  // namespace postern::config
