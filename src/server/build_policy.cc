#include "server/build_policy.h"

#include <algorithm>

#include "config/path_pattern.h"

namespace postern::server {
namespace {

/// What rules may call path.<variable>: those of any route, as policies serve several.
std::vector<std::string> path_variables(const std::vector<config::Route>& routes) {
  std::vector<std::string> names;
  for (const config::Route& route : routes) {
    for (const config::PathSegment& segment : config::check_path_pattern(route.path).segments) {
      if (segment.kind == config::PathSegment::Kind::variable) names.push_back(segment.variable);
    }
  }
  std::ranges::sort(names);
  const auto doubles = std::ranges::unique(names);
  names.erase(doubles.begin(), doubles.end());
  return names;
}

template <class Item>
std::vector<std::string> names_of(const std::vector<Item>& items) {
  std::vector<std::string> names;
  for (const Item& item : items) names.push_back(item.name);
  return names;
}

}  // namespace

void build_policies(const config::LoadResult& loaded, std::size_t cores, proxy::Snapshot& out,
                    std::vector<config::Diagnostic>& diagnostics) {
  const config::Settings& settings = loaded.settings;
  policy::CompileOptions options;
  options.cores = static_cast<std::uint32_t>(cores);
  // Where the config is faulty, names may be missing without any rule's fault.
  if (loaded.ok()) {
    options.path_variables = path_variables(settings.routes);
    options.listeners = names_of(settings.listeners);
    options.routes = names_of(settings.routes);
  }
  std::vector<policy::Problem> problems;
  out.policies = policy::PolicySet::compile(settings.policies, options, problems);
  for (policy::Problem& problem : problems) {
    diagnostics.push_back(loaded.diagnostic(problem.key, std::move(problem.message), std::move(problem.expected)));
    diagnostics.back().nearest = std::move(problem.nearest);
  }
  if (!out.policies) return;
  for (const config::Route& route : settings.routes) {
    proxy::RoutePolicies& policies = out.route_policies.emplace_back();
    if (!route.access) continue;
    policies.effective = out.policies->find(route.access->policy);
    policies.shadow = out.policies->find(route.access->shadow_policy);
  }
}

}  // namespace postern::server
