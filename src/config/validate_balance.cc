// Cross checks on an upstream's endpoints and on how requests are spread over them. Which balancers there are is known
// further up (server/build.cc).
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
  const std::string endpoints = path + ".endpoints";
  if (upstream.endpoints.empty() && upstream.members.empty() && !report.is_faulty(endpoints))
    report.add(endpoints, "must not be empty", "at least one, here or in an [[upstream.endpoint]]");
  const bool idle = std::ranges::all_of(upstream.members, [](const UpstreamEndpoint& e) { return e.weight == 0; });
  if (upstream.endpoints.empty() && !upstream.members.empty() && idle)
    report.add(path + ".endpoint[0].weight", "no endpoint has a weight, so none gets requests");
  check_body_key(settings, upstream, path, report);
}

}  // namespace postern::config
