// The walk over the file's tree beside the schema's tree. Recursion is as deep as the schema (three tables), whatever
// the file nests: unknown keys are reported and not entered.
#include "config/read.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/nearest.h"
#include "config/read_value.h"

namespace postern::config {
namespace {

class Reader {
 public:
  explicit Reader(const ReadContext& context) : context_(context) {}

  void read_table(const Section& section, const Node& table, void* object, const std::string& path) {
    for (const Node& member : table.children) {
      const std::string at = join(path, member.key);
      context_.origins.add(at, member.position);
      if (const KeySpec* key = find_key(section, member.key)) {
        read_key(*key, member, object, at);
      } else if (const Section* child = find_section(section, member.key)) {
        read_section(*child, member, object, at);
      } else {
        unknown_key(section, table, member.key, path);
      }
    }
    require(section, object, path);
  }

 private:
  static const KeySpec* find_key(const Section& section, std::string_view name) {
    for (const KeySpec* key : section.keys) {
      if (name_of(key->path) == name) return key;
    }
    return nullptr;
  }

  static const Section* find_section(const Section& section, std::string_view name) {
    for (const Section& child : section.sections) {
      if (name_of(child.spec->path) == name) return &child;
    }
    return nullptr;
  }

  void unknown_key(const Section& section, const Node& table, const std::string& name, const std::string& path) {
    std::vector<std::string_view> names;
    for (const KeySpec* key : section.keys) names.push_back(name_of(key->path));
    for (const Section& child : section.sections) names.push_back(name_of(child.spec->path));
    const std::string_view near = nearest(name, names);
    context_.report.add(join(path, name), "unknown key", {}, near);
    const bool written = std::any_of(table.children.begin(), table.children.end(),
                                     [near](const Node& member) { return member.key == near; });
    // The slip explains why the near key is missing, but not what is wrong with one that stands beside it.
    if (!near.empty() && !written) context_.report.excuse(join(path, near));
  }

  void read_key(const KeySpec& key, const Node& node, void* object, const std::string& path) {
    Value value;
    if (read_value(key, node, path, context_, value)) {
      key.bind.set(object, std::move(value));
    } else {
      context_.report.excuse(path);  // a list or table with one bad item is faulty as a whole
    }
  }

  void read_section(const Section& section, const Node& node, void* object, const std::string& path) {
    const std::string_view name = name_of(section.spec->path);
    if (section.spec->occurs != Occurs::repeated) {
      if (node.kind != Node::Kind::table) {
        context_.report.add(path, fmt::format("{} is not possible here", kind_name(node.kind)),
                            fmt::format("a table [{}]", name));
        return;
      }
      void* inner = section.spec->open(object);
      if (section.spec->occurs == Occurs::optional) set_defaults(section, inner);
      read_table(section, node, inner, path);
      return;
    }
    if (node.kind != Node::Kind::array) {
      context_.report.add(path, fmt::format("{} is not possible here", kind_name(node.kind)),
                          fmt::format("tables written [[{}]]", name));
      return;
    }
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const std::string at = item(path, i);
      context_.origins.add(at, node.children[i].position);
      // Made even when it is no table, so that indices in the file and in Settings stay the same.
      void* inner = section.spec->open(object);
      set_defaults(section, inner);
      if (node.children[i].kind == Node::Kind::table) {
        read_table(section, node.children[i], inner, at);
      } else {
        context_.report.add(at, fmt::format("{} is not possible here", kind_name(node.children[i].kind)), "a table");
      }
    }
  }

  void require(const Section& section, const void* object, const std::string& path) {
    for (const KeySpec* key : section.keys) {
      const std::string at = join(path, name_of(key->path));
      if (!key->required || context_.report.is_faulty(at)) continue;
      const Value value = key->bind.get(object);
      const auto* text = std::get_if<std::string>(&value);
      const auto* items = std::get_if<std::vector<std::string>>(&value);
      const bool other = text == nullptr && items == nullptr;  // its default looks like any other value
      if ((text != nullptr && text->empty()) || (items != nullptr && items->empty()) ||
          (other && !context_.origins.has(at))) {
        context_.report.add(at, context_.origins.has(at) ? "must not be empty" : "missing", expected_of(*key));
      }
    }
    for (const Section& child : section.sections) {
      const std::string at = join(path, name_of(child.spec->path));
      if (!child.spec->required || context_.report.is_faulty(at) || child.spec->count(object) != 0) continue;
      context_.report.add(at, "missing", fmt::format("at least one [[{}]]", name_of(child.spec->path)));
    }
  }

  const ReadContext context_;
};

}  // namespace

void read_settings(const Node& root, const Environment& environment, const std::string& directory, Settings& settings,
                   Origins& origins, Report& report) {
  const Section section = schema();
  set_defaults(section, &settings);
  Reader({environment, directory, origins, report}).read_table(section, root, &settings, "");
}

}  // namespace postern::config
