// What goes into a route match and what comes out of it, as views over one request.
// Filled by RouteTable::match() on a core; read by the pipeline, the rewriter and the access log of the same request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/fields.h"
#include "http/head.h"
#include "route/method_set.h"

namespace postern::route {

struct Route;

struct MatchInput {
  std::uint32_t listener = 0;  // index into the names that the table was built with
  std::string_view host;       // as received: any case, with or without a port; empty: none
  std::string_view path;       // normalised, starts with '/', without query
  http::Method method = http::Method::other;
  std::string_view method_token;  // decides when method is `other`; case-sensitive
  const http::Fields& fields;
};

enum class Outcome : std::uint8_t {
  found,
  no_route,            // 404
  method_not_allowed,  // 405 with RouteTable::write_allow()
};

struct Match {
  static constexpr std::size_t kMaxVariables = 8;

  const Route* route = nullptr;  // owned by the table; null unless found
  Outcome outcome = Outcome::no_route;
  std::uint8_t variable_count = 0;
  MethodSet allowed;  // method_not_allowed only: the union over every route that wants another method
  // Views into MatchInput::path, in the order of the pattern; never empty, never holding a '/'.
  std::array<std::string_view, kMaxVariables> variables;
  std::string_view tail;  // what the final '*' took, without the '/' before it; empty where there is none
};

}  // namespace postern::route
