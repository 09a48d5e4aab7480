#include "upstream/level.h"

#include <algorithm>
#include <tuple>

namespace postern::upstream {

namespace {

/// A level is as good as whole as long as 1/1.4 of its endpoints, 71 %, may be used.
constexpr double kOverprovisioning = 1.4;
constexpr double kAll = 4294967296.0;

struct Group {
  std::uint32_t priority = 0;
  bool elsewhere = false;
  std::vector<Endpoint*> all;
  std::size_t usable = 0;

  [[nodiscard]] double share() const noexcept { return static_cast<double>(usable) / static_cast<double>(all.size()); }
  [[nodiscard]] double health() const noexcept { return std::min(1.0, kOverprovisioning * share()); }
};

std::vector<Group> group(std::span<const EndpointPin> endpoints, std::string_view own_zone) {
  std::vector<Group> groups;
  for (const EndpointPin& endpoint : endpoints) {
    const EndpointSpec& spec = endpoint->spec();
    if (spec.weight == 0) continue;
    const bool elsewhere = !own_zone.empty() && spec.zone != own_zone;
    auto found = std::ranges::find_if(
        groups, [&](const Group& g) { return g.priority == spec.priority && g.elsewhere == elsewhere; });
    if (found == groups.end()) found = groups.insert(groups.end(), Group{spec.priority, elsewhere, {}, 0});
    found->all.push_back(endpoint.get());
    if (endpoint->is_usable()) ++found->usable;
  }
  std::ranges::sort(groups, {}, [](const Group& g) { return std::tuple(g.priority, g.elsewhere); });
  return groups;
}

Level make_level(const Group& group, bool panics, const LevelOptions& options, Random& random) {
  Level level;
  level.panics = panics;
  std::vector<Candidate*> candidates;
  for (Endpoint* endpoint : group.all) {
    if (!panics && !endpoint->is_usable()) continue;
    level.endpoints.push_back(endpoint);
    candidates.push_back(&endpoint->candidate());
  }
  if (!options.balancer) return level;
  level.balancer = options.balancer->make(random.next());
  level.balancer->assign(candidates);
  return level;
}

}  // namespace

std::vector<Level> make_levels(std::span<const EndpointPin> endpoints, const LevelOptions& options, Random& random) {
  const std::vector<Group> groups = group(endpoints, options.own_zone);
  double health = 0;
  for (const Group& g : groups) health += g.health();
  std::vector<Level> levels;
  double given = 0;
  for (const Group& g : groups) {
    // As long as the levels together are whole, a weak one hands its share on and need not use what is ill.
    const bool panics = health < 1 && g.share() < options.panic_threshold;
    if (g.usable == 0 && !(panics && health <= 0)) continue;
    levels.push_back(make_level(g, panics, options, random));
    given += health <= 0 ? 1 : g.health() / std::min(1.0, health);
    levels.back().reach = static_cast<std::uint64_t>(std::min(given, 1.0) * kAll);
  }
  if (!levels.empty()) levels.back().reach = static_cast<std::uint64_t>(kAll);
  return levels;
}

}  // namespace postern::upstream
