// Templates: parsed once into parts, filled per request into the caller's bytes.
// What comes from the request is copied unchanged and the whole is checked afterwards: nothing is decoded or
// re-encoded.
#include "route/rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "config/path_pattern.h"
#include "http/uri.h"

namespace postern::route {
namespace {

using Kind = TemplatePart::Kind;

// What a template may name besides the pattern's variables. A variable of the pattern goes first.
struct Builtin {
  std::string_view name;
  Kind kind;
};
constexpr std::array kRedirectBuiltins{
    Builtin{config::kPathVariable, Kind::path}, Builtin{config::kQueryVariable, Kind::query},
    Builtin{config::kHostVariable, Kind::host}, Builtin{config::kSchemeVariable, Kind::scheme}};

std::optional<TemplatePart> resolve(const std::string& name, const PatternNames& names,
                                    std::span<const Builtin> builtins, std::vector<std::string>& errors) {
  const auto found = std::find(names.variables.begin(), names.variables.end(), name);
  if (found != names.variables.end()) {
    return TemplatePart{Kind::variable, static_cast<std::uint8_t>(found - names.variables.begin()), {}};
  }
  for (const Builtin& builtin : builtins) {
    if (builtin.name == name) return TemplatePart{builtin.kind, 0, {}};
  }
  if (name == config::kTailVariable) {
    if (names.has_tail) return TemplatePart{Kind::tail, 0, {}};
    errors.push_back("{tail} needs a path that ends in \"/*\"");
    return std::nullopt;
  }
  errors.push_back(fmt::format("{{{}}} is no variable of the path", name));
  return std::nullopt;
}

std::vector<TemplatePart> parse(std::string_view text, const PatternNames& names, std::span<const Builtin> builtins,
                                std::vector<std::string>& errors) {
  config::Template parsed = config::parse_template(text);
  if (!parsed.ok()) {
    errors.push_back(parsed.error);
    return {};
  }
  std::vector<TemplatePart> parts;
  for (config::TemplatePart& part : parsed.parts) {
    if (!part.is_variable) {
      parts.push_back({Kind::text, 0, std::move(part.text)});
    } else if (std::optional<TemplatePart> named = resolve(part.text, names, builtins, errors)) {
      parts.push_back(std::move(*named));
    }
  }
  return parts;
}

// Appends to the caller's bytes; once it did not fit, it stays failed.
class Writer {
 public:
  explicit Writer(std::span<char> buffer) noexcept : buffer_(buffer) {}

  void append(std::string_view text) noexcept {
    if (text.size() > buffer_.size() - size_) {
      ok_ = false;
    } else if (ok_ && !text.empty()) {
      std::memcpy(buffer_.data() + size_, text.data(), text.size());
      size_ += text.size();
    }
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] std::string_view written() const noexcept { return {buffer_.data(), size_}; }
  [[nodiscard]] std::span<char> rest() const noexcept { return buffer_.subspan(size_); }

 private:
  std::span<char> buffer_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

std::string_view value_of(const TemplatePart& part, const RedirectInput& input, const Match& match) noexcept {
  switch (part.kind) {
    case Kind::text:
      return part.text;
    case Kind::variable:
      return match.variables[part.index];
    case Kind::tail:
      return match.tail;
    case Kind::path:
      return input.path;
    case Kind::query:
      return input.query;
    case Kind::more_query:
      return input.query.substr(input.query.empty() ? 0 : 1);
    case Kind::host:
      return input.host;
    case Kind::scheme:
      return input.scheme;
  }
  return {};
}

bool is_visible(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// The end of "http://" or "https://" or "{scheme}://" within the parts, as a part and an offset into its text.
struct Place {
  std::size_t part = 0;
  std::size_t offset = 0;
};

std::optional<Place> authority_start(const std::vector<TemplatePart>& parts) {
  constexpr std::string_view kSeparator = "://";
  if (parts[0].kind == Kind::scheme) {
    const bool good = parts.size() > 1 && parts[1].text.starts_with(kSeparator);
    return good ? std::optional(Place{1, kSeparator.size()}) : std::nullopt;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (parts[0].text.starts_with(scheme)) return Place{0, scheme.size()};
  }
  return std::nullopt;
}

// Whether only the operator's own text and {host} make up the authority.
bool is_authority_closed(const std::vector<TemplatePart>& parts, Place place) {
  bool any = false;
  for (; place.part < parts.size(); ++place.part, place.offset = 0) {
    const TemplatePart& part = parts[place.part];
    if (part.kind == Kind::path) return any;  // always starts with '/'
    if (part.kind == Kind::text) {
      const std::string_view text = std::string_view(part.text).substr(place.offset);
      const std::size_t end = text.find_first_of("/?#\\");
      if (text.substr(0, end).find('@') != std::string_view::npos) return false;
      if (end != std::string_view::npos) return any || end > 0;
      any = any || !text.empty();
    } else if (part.kind == Kind::host) {
      any = true;
    } else if (part.kind != Kind::query) {
      return false;
    }
  }
  return any;
}

}  // namespace

PathRewrite PathRewrite::strip(std::string_view prefix, std::string_view literal_prefix,
                               std::vector<std::string>& errors) {
  PathRewrite rewrite;
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (prefix.empty()) return rewrite;
  const std::string_view rest = literal_prefix.starts_with(prefix) ? literal_prefix.substr(prefix.size()) : "x";
  // "/api" is a prefix of "/api", "/api/" and "/api/x", not of "/apis".
  if (!rest.empty() && rest.front() != '/') errors.push_back("the route's path does not begin with this prefix");
  rewrite.kind_ = Kind::strip;
  rewrite.prefix_ = prefix;
  return rewrite;
}

PathRewrite PathRewrite::fill(std::string_view text, const PatternNames& names, std::vector<std::string>& errors) {
  PathRewrite rewrite;
  rewrite.kind_ = Kind::fill;
  if (!text.starts_with('/')) errors.push_back("a path starts with \"/\"");
  if (text.find("//") != std::string_view::npos) errors.push_back("a path holds no empty segment");
  rewrite.parts_ = parse(text, names, {}, errors);
  for (std::size_t i = 0; i < rewrite.parts_.size(); ++i) {
    const TemplatePart& part = rewrite.parts_[i];
    if (part.kind == TemplatePart::Kind::text && part.text.find_first_of("?#") != std::string::npos) {
      errors.push_back("a path holds no query and no fragment");
    }
    if (part.kind != TemplatePart::Kind::tail) continue;
    // Elsewhere an empty tail would leave "//" or join two segments into one.
    const bool after_slash = i > 0 && rewrite.parts_[i - 1].text.ends_with('/');
    if (!after_slash || i + 1 != rewrite.parts_.size()) errors.push_back("{tail} stands at the end, after a \"/\"");
  }
  return rewrite;
}

std::optional<std::string_view> PathRewrite::apply(std::string_view path, const Match& match,
                                                   std::span<char> buffer) const noexcept {
  if (kind_ == Kind::keep) return path;
  if (kind_ == Kind::strip) {
    if (!path.starts_with(prefix_)) return std::nullopt;  // not a path of this route: refused rather than guessed
    const std::string_view rest = path.substr(prefix_.size());
    if (rest.empty()) return std::string_view("/");
    if (rest.front() != '/') return std::nullopt;
    return rest;
  }
  Writer writer(buffer);
  for (const TemplatePart& part : parts_) writer.append(value_of(part, {}, match));
  const std::string_view result = writer.written();
  if (!writer.ok() || writer.rest().size() < result.size()) return std::nullopt;
  // Slashes of either kind were the listener's policy to judge; what is left to find are dots and escapes made by
  // joining.
  constexpr http::UriPolicy kKeep{http::Slashes::keep, http::EncodedSlash::keep, http::PathParameters::keep};
  const http::UriResult checked = http::normalise_path(result, kKeep, writer.rest());
  if (!checked.ok() || checked.path != result) return std::nullopt;
  return result;
}

RedirectTarget RedirectTarget::compile(std::string_view text, const PatternNames& names,
                                       std::vector<std::string>& errors) {
  RedirectTarget target;
  target.parts_ = parse(text, names, kRedirectBuiltins, errors);
  if (target.parts_.empty()) {
    if (errors.empty()) errors.push_back("no target");
    return target;
  }
  std::vector<TemplatePart>& parts = target.parts_;
  target.local_ = parts[0].kind == Kind::path || parts[0].text.starts_with('/');
  if (target.local_) {
    if (parts[0].text.starts_with("//")) errors.push_back("a target that starts with \"//\" names another host");
  } else {
    const std::optional<Place> authority = authority_start(parts);
    if (!authority) {
      errors.push_back("a target starts with \"http://\", \"https://\", {scheme}:// or \"/\"");
    } else if (!is_authority_closed(parts, *authority)) {
      errors.push_back("only plain text and {host} may stand in the target's host");
    }
  }
  bool has_query = false;
  for (TemplatePart& part : parts) {
    if (part.kind == Kind::query && has_query) part.kind = Kind::more_query;
    has_query = has_query || part.kind == Kind::query || part.text.find('?') != std::string::npos;
  }
  return target;
}

std::optional<std::string_view> RedirectTarget::fill(const RedirectInput& input, const Match& match,
                                                     std::span<char> buffer) const noexcept {
  Writer writer(buffer);
  for (const TemplatePart& part : parts_) {
    const std::string_view value = value_of(part, input, match);
    if (part.kind != Kind::text && !is_visible(value)) return std::nullopt;
    // "?a=1" and the request's "?b=2" become one query.
    if (part.kind == Kind::more_query && !value.empty() && !writer.written().ends_with('?')) writer.append("&");
    writer.append(value);
  }
  if (!writer.ok()) return std::nullopt;
  std::string_view result = writer.written();
  if (!local_) return result;
  // "//elsewhere" and, to browsers, "/\elsewhere" would leave this host: one slash stays.
  while (result.size() > 1 && (result[1] == '/' || result[1] == '\\')) result.remove_prefix(1);
  if (result.starts_with('\\')) return std::nullopt;
  return result;
}

}  // namespace postern::route
