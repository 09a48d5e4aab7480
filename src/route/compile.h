// One config route into its two compiled halves: what it does (Route) and what it asks of a request (Conditions).
// RouteTable::build() calls it for each route at start-up and reload. Reports mistakes, throws nothing of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/path_pattern.h"
#include "config/settings.h"
#include "route/index.h"
#include "route/method_set.h"
#include "route/route.h"

namespace postern::route {

/// A mistake in the config's routes: `key` is the config's path to it, such as "route[3].rewrite".
struct Problem {
  std::string key;
  std::string message;
};

/// Upstream name to the index that Forward::upstream shall hold; none when there is no such upstream.
using UpstreamResolver = std::function<std::optional<std::uint32_t>(std::string_view name)>;

struct WantedHeader {
  std::string name;   // lower case
  std::string value;  // empty with any_value
  bool any_value = false;
};

struct Conditions {
  std::uint32_t route = 0;
  std::vector<std::string> hosts;  // lower case, "*.suffix" or exact, no doubles; empty: any
  std::vector<config::PathSegment> segments;
  std::vector<std::uint32_t> listeners;  // indices, sorted; empty: any
  MethodSet methods = MethodSet::all();
  std::vector<WantedHeader> headers;  // by name
};

struct CompileContext {
  const std::vector<std::string>& listeners;
  const UpstreamResolver& upstreams;
  std::vector<std::string>& custom_methods;  // grows; shared by the whole table
  std::vector<Problem>& problems;
};

struct CompiledRoute {
  Route route;
  Conditions conditions;
};

/// What is returned is of use only when no problem was added.
CompiledRoute compile_route(const config::Route& source, std::uint32_t index, CompileContext& context);

}  // namespace postern::route
