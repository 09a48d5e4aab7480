// Cross checks on how requests are spread over an upstream's endpoints. Which balancers there are is known further up
// (server/build_balance.cc); that there are endpoints at all is validate_discovery.cc's to see.
#include <algorithm>

#include "config/validate.h"

namespace postern::config {

namespace {

// Only of a body that is there as a whole do equal requests have the same digest.
void check_body_key(const Settings& settings, const Upstream& upstream, const std::string& path, Report& report) {
  if (upstream.balance.key != "body") return;
  for (const Route& route : settings.routes) {
    if (route.forward != upstream.name || route.buffer_request) continue;
    report.add(path + ".balance.key", "route " + route.name + " does not buffer the body that is to be hashed",
               "buffer_request = true there");
  }
}

}  // namespace

void validate_balance(const Settings& settings, const Upstream& upstream, const std::string& path, Report& report) {
  const bool idle = std::ranges::all_of(upstream.members, [](const UpstreamEndpoint& e) { return e.weight == 0; });
  if (upstream.endpoints.empty() && !upstream.members.empty() && idle)
    report.add(path + ".endpoint[0].weight", "no endpoint has a weight, so none gets requests");
  check_body_key(settings, upstream, path, report);
}

}  // namespace postern::config
