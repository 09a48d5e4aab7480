// Values and text: defaults and environment text to a Value, a Value back to TOML, and what a key expects, in words.
#include <fmt/format.h>

#include <algorithm>

#include "config/schema.h"
#include "config/units.h"

namespace postern::config {
namespace {

constexpr std::string_view kMask = "\"********\"";

std::vector<std::string> split(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::vector<std::string> items;
  for (std::size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    items.emplace_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return items;
}

bool parse_word(const KeySpec& key, std::string_view text, Value& value) {
  const auto found = std::find(key.words.begin(), key.words.end(), text);
  value = static_cast<std::uint64_t>(found - key.words.begin());
  return found != key.words.end();
}

bool parse_number(std::optional<std::uint64_t> number, Value& value) {
  value = number.value_or(0);
  return number.has_value();
}

std::string format_name(std::string_view name) {
  const auto bare = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), bare) ? std::string(name) : quote(name);
}

std::string format_strings(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& one : items) text += (text.size() > 1 ? ", " : "") + quote(one);
  return text + "]";
}

// Values of one name stand together in a list, as a TOML table has each name once.
std::string format_name_values(const NameValues& pairs, bool secret) {
  std::string text;
  std::vector<std::string_view> done;
  for (const auto& [name, first] : pairs) {
    if (std::find(done.begin(), done.end(), name) != done.end()) continue;
    done.push_back(name);
    std::vector<std::string> values;
    for (const auto& [other, value] : pairs) {
      if (other == name) values.push_back(value);
    }
    text += fmt::format("{}{} = ", text.empty() ? "" : ", ", format_name(name));
    text += secret ? std::string(kMask) : values.size() == 1 ? quote(first) : format_strings(values);
  }
  return text.empty() ? "{}" : "{ " + text + " }";
}

std::string range_of(const KeySpec& key, std::string (*format)(std::uint64_t)) {
  if (key.max == std::numeric_limits<std::uint64_t>::max()) return key.min == 0 ? "" : " from " + format(key.min);
  return fmt::format(" from {} to {}", format(key.min), format(key.max));
}

std::string format_integer(std::uint64_t number) { return fmt::format("{}", number); }

std::string list_words(std::span<const std::string_view> words) {
  return fmt::format("{}\"{}\"", words.size() > 1 ? "one of " : "", fmt::join(words, "\", \""));
}

}  // namespace

bool parse_value(const KeySpec& key, std::string_view text, Value& value) {
  switch (key.bind.type) {
    case Type::boolean:
      value = text == "true";
      return text == "true" || text == "false";
    case Type::integer:
      return parse_number(parse_unsigned(text), value);
    case Type::size:
      return parse_number(parse_size(text), value);
    case Type::duration:
      return parse_number(parse_duration(text), value);
    case Type::string:
    case Type::file_name:
      value = std::string(text);
      return true;
    case Type::word:
      return parse_word(key, text, value);
    case Type::strings:
      value = split(text);
      return true;
    case Type::name_values:
      value = NameValues();
      return text.empty();
  }
  return false;
}

std::string format_value(const KeySpec& key, const Value& value) {
  switch (key.bind.type) {
    case Type::boolean:
      return std::get<bool>(value) ? "true" : "false";
    case Type::integer:
      return format_integer(std::get<std::uint64_t>(value));
    case Type::size:
      return quote(format_size(std::get<std::uint64_t>(value)));
    case Type::duration:
      return quote(format_duration(std::get<std::uint64_t>(value)));
    case Type::word:
      return quote(key.words[std::get<std::uint64_t>(value)]);
    case Type::name_values:
      return format_name_values(std::get<NameValues>(value), key.secret);
    case Type::strings: {
      const auto& items = std::get<std::vector<std::string>>(value);
      return key.secret && !items.empty() ? fmt::format("[{}]", kMask) : format_strings(items);
    }
    case Type::string:
    case Type::file_name: {
      const auto& text = std::get<std::string>(value);
      return key.secret && !text.empty() ? std::string(kMask) : quote(text);
    }
  }
  return {};
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\u{:04X}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string expected_of(const KeySpec& key) {
  switch (key.bind.type) {
    case Type::boolean:
      return "true or false";
    case Type::integer:
      return key.check.run != nullptr ? std::string(key.check.expected) : "an integer" + range_of(key, format_integer);
    case Type::size:
      return "a size such as \"64KiB\"" + range_of(key, format_size);
    case Type::duration:
      return "a duration such as \"10s\"" + range_of(key, format_duration);
    case Type::word:
      return list_words(key.words);
    case Type::strings:
      if (!key.words.empty()) return "a list of " + list_words(key.words);
      if (key.check.run != nullptr) return "a list, each item " + std::string(key.check.expected);
      return "a list of strings";
    case Type::name_values:
      return "a table such as { x-team = \"blue\" }";
    case Type::file_name:
      return "a file's name";
    case Type::string:
      return key.check.run != nullptr ? std::string(key.check.expected) : "a string";
  }
  return {};
}

}  // namespace postern::config
