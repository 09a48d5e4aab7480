// The only file that sees toml++: text to a Node tree, with limits, then read and validate.
// toml++ throws on syntax errors; the one catch stands in parse_toml().
#include "config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "config/node.h"
#include "config/read.h"
#include "config/report.h"
#include "config/validate.h"

namespace postern::config {

// toml++ 3.3 assumes what it has not checked: "[!]" breaks an assertion in a debug build and is undefined in a release
// build, where assertions become promises to the compiler. So its assertions stay on in every build, and are ours: the
// one about a key's first character passes, as the code behind it reports that properly; any other ends the parse.
inline void on_toml_assertion(std::string_view condition) {
  if (!condition.starts_with("is_bare_key_character")) throw std::logic_error("a mistake inside the TOML parser");
}

}  // namespace postern::config

#undef NDEBUG
#define TOML_ASSERT(condition) ((condition) ? void(0) : ::postern::config::on_toml_assertion(#condition))
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 32
#include <toml++/toml.h>

namespace postern::config {
namespace {

constexpr std::size_t kLargestFile = 4 << 20;
constexpr int kDeepest = 64;
constexpr int kMostDots = 16;

Position position_of(const toml::source_region& region) {
  return {static_cast<std::uint32_t>(region.begin.line), static_cast<std::uint32_t>(region.begin.column)};
}

std::size_t skip_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const std::string triple(3, quote);
  const bool long_form = text.substr(at, 3) == triple;
  for (std::size_t i = at + (long_form ? 3 : 1); i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (long_form && text.substr(i, 3) == triple) {
      i += 3;
      for (int extra = 0; extra < 2 && i < text.size() && text[i] == quote; ++extra)
        ++i;  // """a""""" ends in two quotes
      return i;
    } else if (!long_form && (text[i] == quote || text[i] == '\n')) {
      return i + 1;
    }
  }
  return text.size();
}

struct Trouble {
  Position position;
  std::size_t line_start = 0;
  std::string message;  // empty: none
};

// What toml++ must not see. It makes one table in another for each dot of a key, however many, and frees them by
// recursion: a key of a million dots would use up the stack. And a letter such as "\u00e9" outside of text and comments
// (no TOML anyway) takes 3.3 past a __builtin_unreachable.
Trouble find_trouble(std::string_view text) {
  std::uint32_t line = 1;
  std::size_t line_start = 0;
  int dots = 0;
  const auto trouble = [&](std::size_t at, std::string message) {
    return Trouble{{line, static_cast<std::uint32_t>(at - line_start + 1)}, line_start, std::move(message)};
  };
  for (std::size_t i = text.starts_with("\xef\xbb\xbf") ? 3 : 0; i < text.size();) {
    const char c = text[i];
    std::size_t end = i + 1;
    if (c == '#') end = std::min(text.find('\n', i), text.size());
    if (c == '"' || c == '\'') end = skip_string(text, i);
    if (static_cast<unsigned char>(c) >= 0x80) return trouble(i, "a letter that needs quotes around it");
    if (c == '.' && ++dots > kMostDots) return trouble(i, fmt::format("a key of more than {} parts", kMostDots));
    if (std::string_view("\n=,[]{}").find(c) != std::string_view::npos) dots = 0;
    for (; i < end; ++i) {
      if (text[i] != '\n') continue;
      ++line;
      line_start = i + 1;
      dots = 0;
    }
  }
  return {};
}

bool to_node(const toml::node& from, Node& to, int depth) {
  if (depth > kDeepest) return false;
  to.position = position_of(from.source());
  if (const auto* boolean = from.as_boolean()) {
    to.kind = Node::Kind::boolean;
    to.boolean = boolean->get();
  } else if (const auto* integer = from.as_integer()) {
    to.kind = Node::Kind::integer;
    to.integer = integer->get();
  } else if (const auto* string = from.as_string()) {
    to.kind = Node::Kind::string;
    to.text = string->get();
  } else if (const auto* array = from.as_array()) {
    to.kind = Node::Kind::array;
    to.children.reserve(array->size());
    for (const toml::node& child : *array) {
      if (!to_node(child, to.children.emplace_back(), depth + 1)) return false;
    }
  } else if (const auto* table = from.as_table()) {
    to.kind = Node::Kind::table;
    to.children.reserve(table->size());
    for (const auto& [key, child] : *table) {
      Node& member = to.children.emplace_back();
      if (!to_node(child, member, depth + 1)) return false;
      member.key = std::string(key.str());
      member.position = position_of(key.source());
    }
    std::stable_sort(to.children.begin(), to.children.end(), [](const Node& a, const Node& b) {
      return std::pair(a.position.line, a.position.column) < std::pair(b.position.line, b.position.column);
    });
  }
  return true;
}

// False, with one diagnostic, when the text is no TOML that we are willing to read.
bool parse_toml(std::string_view text, const std::string& file, Node& root, std::vector<Diagnostic>& out) {
  if (text.size() > kLargestFile) {
    out.push_back({file, 0, 0, {}, fmt::format("larger than {} bytes", kLargestFile), {}, {}});
    return false;
  }
  if (const Trouble trouble = find_trouble(text); !trouble.message.empty()) {
    // A quote left open further up may be all that is wrong: toml++ looks at the lines before, which it may see.
    if (!parse_toml(text.substr(0, trouble.line_start), file, root, out)) {
      if (out.back().line < trouble.position.line) return false;
      out.pop_back();
    }
    out.push_back({file, trouble.position.line, trouble.position.column, {}, trouble.message, {}, {}});
    return false;
  }
  try {
    const toml::table table = toml::parse(text);
    if (to_node(table, root, 0)) return true;
    out.push_back({file, 1, 1, {}, "nested too deep", {}, {}});
  } catch (const toml::parse_error& error) {
    const Position position = position_of(error.source());
    out.push_back({file, position.line, position.column, {}, std::string(error.description()), {}, {}});
  } catch (const std::exception& error) {
    out.push_back({file, 0, 0, {}, fmt::format("cannot be parsed: {}", error.what()), {}, {}});
  }
  return false;
}

}  // namespace

Diagnostic LoadResult::diagnostic(std::string key, std::string message, std::string expected) const {
  const Position position = origins.find(key);
  return {file, position.line, position.column, std::move(key), std::move(message), std::move(expected), {}};
}

void arrange(std::vector<Diagnostic>& diagnostics) {
  std::set<std::string> seen;
  std::erase_if(diagnostics, [&seen](const Diagnostic& d) { return !d.key.empty() && !seen.insert(d.key).second; });
  std::stable_sort(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
}

LoadResult load(std::string_view text, std::string file_name, const Environment& environment) {
  LoadResult result;
  result.file = std::move(file_name);
  Node root;
  if (!parse_toml(text, result.file, root, result.diagnostics)) return result;
  result.parsed = true;
  const std::string directory = result.file.substr(0, result.file.rfind('/') + 1);  // npos + 1: none
  Report report(result.file, result.origins, result.diagnostics);
  read_settings(root, environment, directory, result.settings, result.origins, report);
  validate(result.settings, result.origins, report);
  arrange(result.diagnostics);
  return result;
}

bool load_tree(const std::string& path, Node& root, std::vector<Diagnostic>& diagnostics) {
  std::string text;
  std::string error;
  if (Environment::process().read(path, kLargestFile, text, error)) return parse_toml(text, path, root, diagnostics);
  diagnostics.push_back({path, 0, 0, {}, "cannot read the file: " + error, {}, {}});
  return false;
}

LoadResult load_file(const std::string& path) {
  const Environment environment = Environment::process();
  std::string text;
  std::string error;
  if (environment.read(path, kLargestFile, text, error)) return load(text, path, environment);
  LoadResult result;
  result.file = path;
  result.diagnostics.push_back({path, 0, 0, {}, "cannot read the config file: " + error, {}, {}});
  return result;
}

}  // namespace postern::config
