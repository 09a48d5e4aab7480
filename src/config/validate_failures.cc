// Cross checks on retries, hedges and queues.
#include <algorithm>

#include "config/validate.h"

namespace postern::config {

namespace {

void check_route(const Route& route, const std::string& path, Report& report) {
  if (route.hedge && !report.is_faulty(path + ".hedge")) {
    if (route.forward.empty()) report.add(path + ".hedge", "has no effect without forward");
    if (route.retry.when == RetryWhen::never && !report.is_faulty(path + ".retry.when"))
      report.add(path + ".hedge", "a hedge repeats the request, and route.retry.when is \"never\"");
  }
  if (!route.deadline_header.empty() && route.forward.empty() && !report.is_faulty(path + ".deadline_header"))
    report.add(path + ".deadline_header", "has no effect without forward");
}

void check_upstream(const Upstream& upstream, const std::string& path, Report& report) {
  const bool limited = upstream.circuit.max_connections != 0 || upstream.circuit.max_in_flight != 0;
  if (upstream.queue && !limited && !upstream.adaptive && !report.is_faulty(path + ".circuit") &&
      !report.is_faulty(path + ".adaptive")) {
    report.add(path + ".queue", "nothing to wait for", "a limit in [upstream.circuit], or [upstream.adaptive]");
  }
  if (!upstream.adaptive || report.is_faulty(path + ".adaptive")) return;
  if (upstream.adaptive->min > upstream.adaptive->max) report.add(path + ".adaptive.min", "larger than max");
}

}  // namespace

void validate_failures(const Settings& settings, Report& report) {
  for (std::size_t i = 0; i < settings.upstreams.size(); ++i) {
    if (!report.is_faulty(item("upstream", i))) check_upstream(settings.upstreams[i], item("upstream", i), report);
  }
  for (std::size_t i = 0; i < settings.routes.size(); ++i) {
    if (!report.is_faulty(item("route", i))) check_route(settings.routes[i], item("route", i), report);
  }
}

}  // namespace postern::config
