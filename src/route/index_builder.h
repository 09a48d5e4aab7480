// All routes' conditions into one Index. RouteTable::build() calls it at start-up and reload; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "route/compile.h"
#include "route/index.h"

namespace postern::route {

/// Adds a problem for every route that can never match because an earlier one takes the same requests, and one when the
/// table overlaps so much that a request could cost more than `max_tries`. `names` are the routes', for the messages.
Index build_index(const std::vector<Conditions>& routes, const std::vector<std::string>& names,
                  std::vector<std::string> custom_methods, std::size_t listener_count, std::uint32_t max_tries,
                  std::vector<Problem>& problems);

}  // namespace postern::route
