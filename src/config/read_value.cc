// One key's node to a Value: types, ranges, checks, lists and tables item by item.
#include "config/read_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/nearest.h"

namespace postern::config {
namespace {

std::string_view type_name(Type type) {
  switch (type) {
    case Type::boolean:
      return "a boolean";
    case Type::integer:
      return "an integer";
    case Type::size:
      return "a size";
    case Type::duration:
      return "a duration";
    case Type::word:
      return "one of the words";
    default:
      return "a value of this type";
  }
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

/// One key's node to a Value, with every complaint about it.
class KeyReader {
 public:
  KeyReader(const KeySpec& key, const ReadContext& context) : key_(key), context_(context) {}

  bool read(const Node& node, const std::string& path, Value& value) {
    switch (node.kind) {
      case Node::Kind::string:
        return read_text(node, path, value);
      case Node::Kind::boolean:
        if (key_.bind.type != Type::boolean) return wrong_type(node, path);
        value = node.boolean;
        return true;
      case Node::Kind::integer:
        if (key_.bind.type != Type::integer) return wrong_type(node, path);
        if (node.integer < 0) return fail(path, "out of range", expected_of(key_));
        value = static_cast<std::uint64_t>(node.integer);
        return check_number(path, value);
      case Node::Kind::array:
        return key_.bind.type == Type::strings ? read_strings(node, path, value) : wrong_type(node, path);
      case Node::Kind::table:
        return key_.bind.type == Type::name_values ? read_name_values(node, path, value) : wrong_type(node, path);
      case Node::Kind::other:
        break;
    }
    return wrong_type(node, path);
  }

 private:
  bool fail(const std::string& path, std::string message, std::string expected = {}, std::string_view near = {}) {
    context_.report.add(path, std::move(message), std::move(expected), near);
    return false;
  }

  bool wrong_type(const Node& node, const std::string& path) {
    return fail(path, fmt::format("{} is not possible here", kind_name(node.kind)), expected_of(key_));
  }

  bool resolve(const Node& node, const std::string& path, std::string& text, bool& indirect) {
    if (node.kind != Node::Kind::string) {
      return fail(path, fmt::format("{} is not possible here", kind_name(node.kind)), "a string");
    }
    text = node.text;
    std::string error;
    return resolve_text(context_.environment, context_.directory, text, indirect, error) ||
           fail(path, std::move(error));
  }

  // Strings as such; any other type when the text came from a variable or a file, which know no types.
  bool read_text(const Node& node, const std::string& path, Value& value) {
    std::string text;
    bool indirect = false;
    if (!resolve(node, path, text, indirect)) return false;
    const Type type = key_.bind.type;
    const bool typed = type == Type::boolean || type == Type::integer || type == Type::strings;
    if (type == Type::name_values || (typed && !indirect)) return wrong_type(node, path);
    if (!parse_value(key_, text, value)) {
      const std::string_view near = type == Type::word && !indirect ? nearest(text, key_.words) : std::string_view();
      return fail(path, fmt::format("not {}", type_name(type)), expected_of(key_), near);
    }
    if (type == Type::strings) return check_items(std::get<std::vector<std::string>>(value), path);
    if (type == Type::file_name) return place_file(path, value);
    if (type == Type::string) return check_text(key_.check, text, path);
    return check_number(path, value);
  }

  bool check_number(const std::string& path, const Value& value) {
    const Type type = key_.bind.type;
    if (type == Type::boolean || type == Type::word) return true;
    const std::uint64_t number = std::get<std::uint64_t>(value);
    if (number < key_.min || number > key_.max) return fail(path, "out of range", expected_of(key_));
    return type != Type::integer || check_text(key_.check, fmt::format("{}", number), path);
  }

  bool check_text(const Check& check, std::string_view text, const std::string& path) {
    if (check.run == nullptr) return true;
    std::string error = check.run(text);
    return error.empty() || fail(path, std::move(error), std::string(check.expected));
  }

  // Relative file names are seen from the config file, so that a config works from any working directory.
  bool place_file(const std::string& path, Value& value) {
    std::string& name = std::get<std::string>(value);
    if (name.find('\0') != std::string::npos) return fail(path, "not a file name");
    if (std::find(key_.words.begin(), key_.words.end(), name) == key_.words.end())
      name = resolve_path(context_.directory, name);
    return true;
  }

  bool read_strings(const Node& node, const std::string& path, Value& value) {
    std::vector<std::string> items;
    bool good = true;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const std::string at = item(path, i);
      context_.origins.add(at, node.children[i].position);
      std::string text;
      bool indirect = false;
      good = resolve(node.children[i], at, text, indirect) && good;
      items.push_back(std::move(text));
    }
    good = good && check_items(items, path);
    value = std::move(items);
    return good;
  }

  bool check_items(const std::vector<std::string>& items, const std::string& path) {
    bool good = true;
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string& text = items[i];
      const bool known =
          key_.words.empty() || std::find(key_.words.begin(), key_.words.end(), text) != key_.words.end();
      if (!known) {
        good = fail(item(path, i), "not possible here", expected_of(key_), nearest(text, key_.words));
      } else if (!check_text(key_.check, text, item(path, i))) {
        good = false;
      } else if (!seen.insert(text).second) {
        good = fail(item(path, i), "listed twice");
      }
    }
    return good;
  }

  bool read_name_values(const Node& node, const std::string& path, Value& value) {
    NameValues pairs;
    bool good = true;
    std::set<std::string> seen;
    for (const Node& child : node.children) {
      const std::string at = join(path, child.key);
      context_.origins.add(at, child.position);
      if (!check_text(key_.check, child.key, at)) {
        good = false;
      } else if (!seen.insert(lower(child.key)).second) {
        good = fail(at, "named twice, as letters' case does not count in header names");
      } else if (child.kind == Node::Kind::array && key_.several) {
        for (std::size_t i = 0; i < child.children.size(); ++i) {
          context_.origins.add(item(at, i), child.children[i].position);
          good = read_pair(child.children[i], child.key, item(at, i), pairs) && good;
        }
      } else {
        good = read_pair(child, child.key, at, pairs) && good;
      }
    }
    value = std::move(pairs);
    return good;
  }

  bool read_pair(const Node& node, const std::string& name, const std::string& path, NameValues& pairs) {
    std::string text;
    bool indirect = false;
    if (!resolve(node, path, text, indirect) || !check_text(key_.value_check, text, path)) return false;
    pairs.emplace_back(name, std::move(text));
    return true;
  }

  const KeySpec& key_;
  const ReadContext& context_;
};

}  // namespace

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::boolean:
      return "a boolean";
    case Node::Kind::integer:
      return "an integer";
    case Node::Kind::string:
      return "a string";
    case Node::Kind::array:
      return "a list";
    case Node::Kind::table:
      return "a table";
    case Node::Kind::other:
      break;
  }
  return "a fraction, date or time";
}

bool read_value(const KeySpec& key, const Node& node, const std::string& path, const ReadContext& context,
                Value& value) {
  return KeyReader(key, context).read(node, path, value);
}

}  // namespace postern::config
