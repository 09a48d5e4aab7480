#include "proxy/hash_key.h"

#include "base/hash.h"
#include "http/cookie.h"
#include "proxy/request_context.h"
#include "route/route.h"

namespace postern::proxy {

namespace {

std::string_view path_variable(const HashKeySpec& spec, const route::Match& match) noexcept {
  const std::size_t route = match.route->index;
  const std::size_t at = route < spec.variables.size() ? spec.variables[route] : HashKeySpec::kNoVariable;
  return at < match.variable_count ? match.variables[at] : std::string_view();
}

/// A null pointer: it has none.
std::string_view text_of(const HashKeySpec& spec, RequestContext& rc, std::string_view body) noexcept {
  switch (spec.from) {
    case HashKeySpec::From::client:
      return rc.client;
    case HashKeySpec::From::body:
      return body;
    case HashKeySpec::From::header:
      return rc.request().fields.find(spec.name);
    case HashKeySpec::From::cookie:
      return http::find_cookie(rc.request().fields, spec.name);
    case HashKeySpec::From::path:
      return path_variable(spec, rc.match);
    case HashKeySpec::From::nothing:
      break;
  }
  return {};
}

}  // namespace

HashKeySpec HashKeySpec::parse(std::string_view text) {
  const auto named = [&](std::string_view prefix, From source) {
    return HashKeySpec{source, std::string(text.substr(prefix.size())), {}};
  };
  if (text == "client") return {From::client, {}, {}};
  if (text == "body") return {From::body, {}, {}};
  if (text.starts_with("header:")) return named("header:", From::header);
  if (text.starts_with("cookie:")) return named("cookie:", From::cookie);
  if (text.starts_with("path:")) return named("path:", From::path);
  return {};
}

std::optional<std::uint64_t> hash_key(const HashKeySpec& spec, RequestContext& rc, std::string_view body) noexcept {
  const std::string_view text = text_of(spec, rc, body);
  if (text.data() == nullptr) return std::nullopt;
  return hash_text(text);
}

}  // namespace postern::proxy
