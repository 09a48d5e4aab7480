#include "server/build_discovery.h"

#include <string>

#include "config/nearest.h"
#include "discovery/kinds.h"

namespace postern::server {

void check_discovery(const config::LoadResult& loaded, std::size_t position,
                     std::vector<config::Diagnostic>& diagnostics) {
  const config::Upstream& upstream = loaded.settings.upstreams[position];
  const std::string path = config::item("upstream", position);
  if (const DiscoveryKind* kind = discovery::find_kind(upstream.discovery.kind)) {
    const std::optional<DiscoveryProblem> problem = kind->check(upstream);
    if (problem) diagnostics.push_back(loaded.diagnostic(config::join(path, problem->key), problem->message));
    return;
  }
  std::vector<std::string_view> names;
  std::string all;
  for (const DiscoveryKind* kind : discovery::kinds()) {
    names.push_back(kind->name);
    all += (all.empty() ? "" : ", ") + std::string(kind->name);
  }
  config::Diagnostic unknown =
      loaded.diagnostic(config::join(path, "discovery.kind"), "no such source of endpoints", "one of " + all);
  unknown.nearest = config::nearest(upstream.discovery.kind, names);
  diagnostics.push_back(std::move(unknown));
}

}  // namespace postern::server
