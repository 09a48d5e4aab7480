// From listener, host, path, method and header fields to one route. The Snapshot owns a table; every core reads it.
//
// Order of preference, the first difference decides:
//   host      exact, then the longest "*.suffix", then routes for any host
//   path      segment by segment from the left: literal, pattern with the most literal bytes ("{model}:predict"),
//             plain variable, tail '*'
//   listener  routes limited to listeners before the rest
//   headers   more conditions before fewer
//   method    routes that name methods before the rest
//   config    the earlier one
// A route that fails on any of these is passed over and the search goes on with the next best.
//
// Cost: one keyed hash lookup per path segment (and per host suffix in use), not per route. How many tries a request
// can be made to cost by overlapping patterns is computed when the table is built, and a table above kMaxTries is
// refused; so there is no limit at run time that could hide a route. match() neither allocates nor throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "route/compile.h"
#include "route/index.h"
#include "route/match.h"
#include "route/route.h"

namespace postern::route {

class RouteTable {
 public:
  static constexpr std::uint32_t kMaxTries = 512;

  /// Null with `problems` filled when anything is wrong; all mistakes, not the first. Start-up, check and reload.
  static std::unique_ptr<const RouteTable> build(const std::vector<config::Route>& routes,
                                                 const std::vector<std::string>& listeners,
                                                 const UpstreamResolver& upstreams, std::vector<Problem>& problems);

  /// Returns out.route. `out` is overwritten; its views point into `input.path`.
  const Route* match(const MatchInput& input, Match& out) const noexcept;

  /// The value of Allow for a method_not_allowed match, such as "GET, HEAD, POST"; names that do not fit are left out.
  [[nodiscard]] std::string_view write_allow(MethodSet methods, std::span<char> buffer) const noexcept;

  /// In config order: routes()[i].index == i.
  [[nodiscard]] std::span<const Route> routes() const noexcept { return routes_; }

  /// Upper bound of tries that one request can cost.
  [[nodiscard]] std::uint32_t worst_case_tries() const noexcept { return index_.worst_case; }

 private:
  explicit RouteTable(std::size_t listener_count) : listener_count_(listener_count) {}

  const std::size_t listener_count_;
  std::vector<Route> routes_;
  Index index_;
};

}  // namespace postern::route
