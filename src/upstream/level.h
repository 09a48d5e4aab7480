// Endpoints of one upstream that are preferred alike: the same priority, and all in the own zone or none. A cluster has
// one for each such group, best first, makes them anew whenever its endpoints or their health change, and sends a level
// its share of the requests: all to the first, as long as enough of its endpoints may be used. One core only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "postern/balancer.h"
#include "upstream/endpoint.h"

namespace postern::upstream {

struct Level {
  std::vector<Endpoint*> endpoints;    // what the balancer was given: the usable ones, or all in a panic
  std::unique_ptr<Balancer> balancer;  // nullptr: in turn
  std::uint64_t reach = 0;             // of 2^32 requests, those below this go here or to a level before
  std::size_t turn = 0;
  bool panics = false;

  Endpoint& pick(const PickInput& input) noexcept {
    if (balancer) return *endpoints[balancer->pick(input)];
    if (turn >= endpoints.size()) turn = 0;
    return *endpoints[turn++];
  }
};

struct LevelOptions {
  const BalancerKind* balancer = nullptr;  // nullptr: in turn
  std::string_view own_zone;               // empty: zones do not matter
  double panic_threshold = 0.5;            // share of usable endpoints below which all are used; 0: never
};

/// None when nothing may be used. May throw bad_alloc. Endpoints without weight are in no level.
std::vector<Level> make_levels(std::span<const EndpointPin> endpoints, const LevelOptions& options, Random& random);

}  // namespace postern::upstream
