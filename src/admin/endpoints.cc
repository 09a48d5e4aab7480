// See endpoints.h.
#include "admin/endpoints.h"

#include <string>
#include <utility>

#include "metrics/collector.h"

namespace postern::admin {

void add_standard_endpoints(Server& server, const prometheus::Collectable& metrics, ReadyCheck why_not_ready) {
  server.add("GET", "/metrics", [&metrics](const Request&) {
    return Reply{200, metrics::to_text(metrics), "text/plain; version=0.0.4; charset=utf-8"};
  });
  server.add("GET", "/healthz", [](const Request&) { return Reply{200, "ok\n"}; });
  server.add("GET", "/readyz", [check = std::move(why_not_ready)](const Request&) {
    const std::string_view reason = check ? check() : std::string_view{};
    return reason.empty() ? Reply{200, "ready\n"} : Reply{503, std::string(reason) + '\n'};
  });
}

}  // namespace postern::admin
