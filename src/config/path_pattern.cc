// Path patterns and templates, read in one pass each.
// Strict on purpose: a pattern that no normalised request path can equal would be a rule that silently never applies.
#include "config/path_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace postern::config {
namespace {

constexpr std::size_t kLongest = 2048;

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_unreserved(char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~'; }

// RFC 3986 pchar without "%" (looked at apart) and without "*" (our wildcard).
bool is_path_char(char c) {
  return is_unreserved(c) || std::string_view("!$&'()+,;=:@").find(c) != std::string_view::npos;
}

int hex_upper(char c) {
  if (is_digit(c)) return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The byte that the escape at `at` stands for, or -1 when there is none in normal form.
int escaped_byte(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size() || text[at] != '%') return -1;
  const int high = hex_upper(text[at + 1]);
  const int low = hex_upper(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// Bytes of the UTF-8 character whose escapes begin at `at` with `lead`, 0x80 or more; 0 when it is none (RFC 3629 4).
std::size_t utf8_length(std::string_view text, std::size_t at, int lead) {
  std::size_t length = 0;
  if (lead >= 0xc2 && lead <= 0xdf) length = 2;
  if (lead >= 0xe0 && lead <= 0xef) length = 3;
  if (lead >= 0xf0 && lead <= 0xf4) length = 4;
  for (std::size_t i = 1; i < length; ++i) {
    const int byte = escaped_byte(text, at + 3 * i);
    int least = 0x80;
    int most = 0xbf;
    if (i == 1 && lead == 0xe0) least = 0xa0;  // overlong
    if (i == 1 && lead == 0xf0) least = 0x90;
    if (i == 1 && lead == 0xed) most = 0x9f;  // surrogates
    if (i == 1 && lead == 0xf4) most = 0x8f;  // above U+10FFFF
    if (byte < least || byte > most) return 0;
  }
  return length;
}

// Moves `at` to the last character of the escape, or escapes, of one character.
std::string check_percent(std::string_view text, std::size_t& at) {
  const int byte = escaped_byte(text, at);
  if (byte < 0) return "\"%\" must be followed by two digits or upper-case letters A to F";
  if (byte < 0x20 || byte == 0x7f || byte == '\\') return "this encoded character never reaches a route";
  if (byte < 0x80 && is_unreserved(static_cast<char>(byte))) {
    return fmt::format("write \"{}\" instead of \"{}\"", static_cast<char>(byte), text.substr(at, 3));
  }
  const std::size_t length = byte < 0x80 ? 1 : utf8_length(text, at, byte);
  if (length == 0) return "encoded bytes that are not UTF-8 never reach a route";
  at += 3 * length - 1;
  return {};
}

std::string check_literal(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (std::string error = check_percent(text, i); !error.empty()) return error;
    } else if (text[i] == '?' || text[i] == '#') {
      return "a path holds no query and no fragment";
    } else if (text[i] == '*') {
      return "\"*\" may only stand alone as the last segment";
    } else if (!is_path_char(text[i])) {
      return "a character that must be percent-encoded in a path";
    }
  }
  return {};
}

bool is_variable_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || !(is_alpha(name[0]) || name[0] == '_')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return is_alpha(c) || is_digit(c) || c == '_'; });
}

// One segment (no slash in it) into `segment`; returns what is wrong.
std::string read_segment(std::string_view text, PathSegment& segment) {
  const std::size_t open = text.find('{');
  const std::size_t close = text.find('}');
  if (open == std::string_view::npos && close == std::string_view::npos) {
    segment.prefix = text;
    return check_literal(text);
  }
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return "unbalanced braces";
  segment.kind = PathSegment::Kind::variable;
  segment.prefix = text.substr(0, open);
  segment.variable = text.substr(open + 1, close - open - 1);
  segment.suffix = text.substr(close + 1);
  if (segment.variable.find('{') != std::string::npos) return "unbalanced braces";
  if (segment.suffix.find('{') != std::string::npos) return "one variable per segment";
  if (segment.suffix.find('}') != std::string::npos) return "unbalanced braces";
  if (!is_variable_name(segment.variable)) return "a variable's name is letters, digits and underscores";
  const std::string_view name = segment.variable;
  constexpr std::array kReserved{kPathVariable, kQueryVariable, kHostVariable, kSchemeVariable, kTailVariable};
  if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end()) {
    return fmt::format("the variable name \"{}\" is reserved", name);
  }
  if (std::string error = check_literal(segment.prefix); !error.empty()) return error;
  return check_literal(segment.suffix);
}

bool repeats(const std::vector<PathSegment>& before, const PathSegment& segment) {
  return segment.kind == PathSegment::Kind::variable &&
         std::any_of(before.begin(), before.end(),
                     [&segment](const PathSegment& other) { return other.variable == segment.variable; });
}

}  // namespace

PathPattern check_path_pattern(std::string_view pattern) {
  PathPattern result;
  const auto fail = [&result](std::string error) {
    result.segments.clear();
    result.error = std::move(error);
    return std::move(result);
  };
  if (pattern.empty() || pattern[0] != '/') return fail("a path starts with \"/\"");
  if (pattern.size() > kLongest) return fail(fmt::format("longer than {} characters", kLongest));
  std::string_view rest = pattern.substr(1);
  for (bool more = true; more;) {
    const std::size_t slash = rest.find('/');
    more = slash != std::string_view::npos;
    const std::string_view text = rest.substr(0, slash);
    rest = more ? rest.substr(slash + 1) : std::string_view();
    PathSegment segment;
    if (text == "*" && !more) {
      segment.kind = PathSegment::Kind::tail;
    } else if (text.empty() && more) {
      return fail("an empty segment (\"//\") never reaches a route");
    } else if (text == "." || text == "..") {
      return fail("a dot segment never reaches a route");
    } else if (std::string error = read_segment(text, segment); !error.empty()) {
      return fail(std::move(error));
    }
    if (repeats(result.segments, segment)) return fail(fmt::format("two variables named \"{}\"", segment.variable));
    result.segments.push_back(std::move(segment));
  }
  return result;
}

std::string path_shape(const PathPattern& pattern) {
  std::string shape;
  for (const PathSegment& segment : pattern.segments) {
    shape += '/';
    if (segment.kind == PathSegment::Kind::tail) {
      shape += '*';
    } else {
      shape += segment.prefix;
      if (segment.kind == PathSegment::Kind::variable) shape += "{}" + segment.suffix;
    }
  }
  return shape;
}

Template parse_template(std::string_view text) {
  Template result;
  const auto fail = [&result](std::string error) {
    result.parts.clear();
    result.error = std::move(error);
    return std::move(result);
  };
  if (text.size() > kLongest) return fail(fmt::format("longer than {} characters", kLongest));
  while (!text.empty()) {
    const std::size_t brace = std::min(text.find_first_of("{}"), text.size());
    if (brace > 0) {
      const std::string_view literal = text.substr(0, brace);
      const bool visible = std::all_of(literal.begin(), literal.end(), [](char c) { return c > 0x20 && c < 0x7f; });
      if (!visible || literal.find_first_of("\"<>\\^`|") != std::string_view::npos) {
        return fail("a character that must be percent-encoded");
      }
      result.parts.push_back({false, std::string(literal)});
      text.remove_prefix(brace);
      continue;
    }
    const std::size_t close = text.find('}');
    if (text[0] == '}' || close == std::string_view::npos) return fail("unbalanced braces");
    const std::string_view name = text.substr(1, close - 1);
    if (!is_variable_name(name)) return fail("a variable's name is letters, digits and underscores");
    result.parts.push_back({true, std::string(name)});
    text.remove_prefix(close + 1);
  }
  return result;
}

}  // namespace postern::config
