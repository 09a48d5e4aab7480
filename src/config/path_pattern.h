// The syntax of route paths and of the templates that rewrite them. Pure; startup and reload, any thread.
// Used by the config's checks and by the route module, which compiles the segments; it matches nothing itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::config {

struct PathSegment {
  enum class Kind : std::uint8_t { literal, variable, tail };
  Kind kind = Kind::literal;
  std::string prefix;    // literal: the whole text ("" for "/" and for a trailing slash); variable: what stands before
  std::string variable;  // variable: its name
  std::string suffix;    // variable: what stands behind, such as ":predict"

  bool operator==(const PathSegment&) const = default;
};

struct PathPattern {
  std::vector<PathSegment> segments;
  std::string error;  // empty: the pattern is good
  bool ok() const { return error.empty(); }
};

/// "/exact", "/prefix/*" (all below "/prefix/", itself included), "/v1/models/{model}:predict".
/// Literal text must stand in the normal form that requests are matched in: unreserved characters plain, other
/// percent-encodings with upper-case digits and in UTF-8, no empty or dot segments.
PathPattern check_path_pattern(std::string_view pattern);

/// The pattern with the variables' names left out: two patterns of one shape match the same paths.
std::string path_shape(const PathPattern& pattern);

struct TemplatePart {
  bool is_variable = false;
  std::string text;

  bool operator==(const TemplatePart&) const = default;
};

struct Template {
  std::vector<TemplatePart> parts;
  std::string error;
  bool ok() const { return error.empty(); }
};

/// Literal text and {variable}s, for `rewrite` and `redirect`. Which variables exist is the caller's to check.
Template parse_template(std::string_view text);

/// Names that templates give a meaning of their own, so that no pattern may use them.
inline constexpr std::string_view kPathVariable = "path";      // redirect: the whole request path
inline constexpr std::string_view kQueryVariable = "query";    // redirect: the query, with its "?", or nothing
inline constexpr std::string_view kHostVariable = "host";      // redirect: the request's authority
inline constexpr std::string_view kSchemeVariable = "scheme";  // redirect: "http" or "https"
inline constexpr std::string_view kTailVariable = "tail";      // what the final "*" matched

}  // namespace postern::config
