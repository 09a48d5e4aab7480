// Paths and redirect targets made from a matched request: strip a prefix, or fill a template with its variables.
// compile() at start-up and reload, throws nothing and reports in words; apply()/fill() on a core, into the caller's
// buffer, without allocation. The query is not touched here: the caller appends it to a rewritten path.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "route/match.h"

namespace postern::route {

/// Literal text and placeholders, resolved to indices when compiled.
struct TemplatePart {
  enum class Kind : std::uint8_t { text, variable, tail, path, query, more_query, host, scheme };
  Kind kind = Kind::text;
  std::uint8_t index = 0;  // variable: into Match::variables
  std::string text;
};

/// What a path template may name: the variables of the route's pattern, and whether it ends in '*'.
struct PatternNames {
  std::vector<std::string> variables;
  bool has_tail = false;
};

class PathRewrite {
 public:
  PathRewrite() = default;  // leaves the path alone

  /// `literal_prefix` is what every path of the route starts with: all segments before the first with a '{' or '*'.
  /// Reports a prefix that the route's paths do not have: stripping then never fails on a request.
  static PathRewrite strip(std::string_view prefix, std::string_view literal_prefix, std::vector<std::string>& errors);
  /// A template such as "/serve/{model}/{tail}". {tail} only at the end and after a '/', so that no "//" appears.
  static PathRewrite fill(std::string_view text, const PatternNames& names, std::vector<std::string>& errors);

  /// The path to send. Unchanged and stripped paths are views into `path` and need no buffer.
  /// None when the buffer is too small (a filled template wants twice the result: the normaliser checks it), or when
  /// the parts together are no normalised path any more, such as a variable "." that became a whole segment: 400.
  [[nodiscard]] std::optional<std::string_view> apply(std::string_view path, const Match& match,
                                                      std::span<char> buffer) const noexcept;
  [[nodiscard]] bool changes_path() const noexcept { return kind_ != Kind::keep; }

 private:
  enum class Kind : std::uint8_t { keep, strip, fill };
  Kind kind_ = Kind::keep;
  std::string prefix_;  // strip: without a '/' at its end
  std::vector<TemplatePart> parts_;
};

struct RedirectInput {
  std::string_view scheme;  // "http" or "https"
  std::string_view host;    // authority as received
  std::string_view path;
  std::string_view query;  // with its '?', or empty
};

class RedirectTarget {
 public:
  RedirectTarget() = default;

  /// "https://{host}{path}{query}", "/new/{model}". Client input can choose the authority by {host} only: a variable in
  /// that place is refused, so that no route becomes an open redirect by a missing '/'.
  static RedirectTarget compile(std::string_view text, const PatternNames& names, std::vector<std::string>& errors);

  /// A Location value; holds no control byte, space or byte above 0x7E, and no leading "//" that the config did not
  /// write. None when the buffer is too small or a part carries such a byte: the caller answers 400.
  [[nodiscard]] std::optional<std::string_view> fill(const RedirectInput& input, const Match& match,
                                                     std::span<char> buffer) const noexcept;

 private:
  std::vector<TemplatePart> parts_;
  bool local_ = false;  // starts with '/': must stay on this host
};

}  // namespace postern::route
