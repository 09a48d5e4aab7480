// Cross checks on where endpoints come from. What a source wants of its keys is the source's own matter, and checked
// when the settings are built.
#include "config/validate.h"

namespace postern::config {

void validate_discovery(const Upstream& upstream, const std::string& path, const Origins& origins, Report& report) {
  const Discovery& discovery = upstream.discovery;
  const std::string at = path + ".discovery";
  if (report.is_faulty(at)) return;
  const bool is_static = discovery.kind == "static";
  if (is_static && upstream.endpoints.empty() && upstream.members.empty() && !report.is_faulty(at + ".kind")) {
    const std::string endpoints = path + ".endpoints";
    report.add(endpoints, origins.has(endpoints) ? "must not be empty" : "missing",
               "a list of \"host:port\", or another [upstream.discovery] kind");
  }
  if (!is_static && !upstream.endpoints.empty() && !report.is_faulty(at + ".kind")) {
    report.add(path + ".endpoints", "has no effect beside discovery.kind", "kind = \"static\", or no endpoints");
  }
  if (!is_static && !upstream.members.empty() && !report.is_faulty(at + ".kind")) {
    report.add(path + ".endpoint", "has no effect beside discovery.kind", "kind = \"static\", or no endpoint tables");
  }
  if (discovery.min_ttl > discovery.max_ttl && !report.is_faulty(at + ".max_ttl")) {
    report.add(at + ".min_ttl", "greater than max_ttl");
  }
}

}  // namespace postern::config
