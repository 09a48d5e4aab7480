// SnapshotBuilder's part on endpoints: those that are plain addresses it has itself, for all others it says that
// somebody has to find them, and checks that the source has what it needs. Asks nobody.
#include "server/build_discovery.h"

#include <string>

#include "config/nearest.h"
#include "discovery/kinds.h"
#include "server/build_job.h"

namespace postern::server {
namespace {

config::Diagnostic unknown_kind(const config::LoadResult& loaded, const std::string& key, const std::string& kind) {
  std::vector<std::string_view> names;
  std::string all;
  for (const DiscoveryKind* known : discovery::kinds()) {
    names.push_back(known->name);
    all += (all.empty() ? "" : ", ") + std::string(known->name);
  }
  config::Diagnostic unknown = loaded.diagnostic(key, "no such source of endpoints", "one of " + all);
  unknown.nearest = config::nearest(kind, names);
  return unknown;
}

}  // namespace

std::vector<upstream::EndpointSpec> to_specs(const discovery::Endpoints& found) {
  std::vector<upstream::EndpointSpec> out;
  out.reserve(found.size());
  for (const discovery::ResolvedEndpoint& one : found) {
    out.push_back({.name = one.found.address,
                   .address = one.address,
                   .weight = one.found.weight,
                   .priority = one.found.priority,
                   .zone = one.found.zone});
  }
  return out;
}

void SnapshotBuilder::add_endpoints(Job& job, std::size_t position, proxy::Snapshot::UpstreamSpec& spec) {
  const config::Upstream& upstream = job.loaded.settings.upstreams[position];
  const std::string path = config::item("upstream", position);
  const DiscoveryKind* kind = discovery::find_kind(upstream.discovery.kind);
  if (!kind) {
    job.diagnostics.push_back(unknown_kind(job.loaded, path + ".discovery.kind", upstream.discovery.kind));
    return;
  }
  if (const std::optional<DiscoveryProblem> problem = kind->check(upstream)) {
    job.complain(config::join(path, problem->key), problem->message);
  }
  const std::vector<FoundEndpoint> all = discovery::static_endpoints(upstream);
  const discovery::Endpoints literals = discovery::literal_endpoints(all);
  spec.discovered = kind->name != "static" || literals.size() != all.size();
  if (!spec.discovered) spec.endpoints = to_specs(literals);
}

}  // namespace postern::server
