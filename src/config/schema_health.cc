// The table's part on the health of upstreams' endpoints: active checks and passive ejection.
#include <algorithm>
#include <array>
#include <optional>

#include "config/schema.h"
#include "config/schema_bind.h"
#include "config/syntax.h"

namespace postern::config {
namespace {

// Words stand in the order of their enum.
constexpr std::array<std::string_view, 4> kKinds{"tcp", "tls", "http", "grpc"};
constexpr std::array<std::string_view, 4> kMethods{"GET", "HEAD", "POST", "OPTIONS"};

std::string check_service(std::string_view text) { return text.size() <= 255 ? "" : "too long"; }

std::string check_target(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
  return text.starts_with('/') && plain && text.size() <= 2048 ? "" : "no path";
}

std::string check_host(std::string_view text) {
  if (text.empty()) return "";
  const std::string with_port = std::string(text) + ":1";
  const bool host = parse_address(text) || parse_address(with_port);
  return host && !text.starts_with("unix:") ? "" : "no valid host";
}

std::string check_status(std::string_view text) { return parse_status_range(text) ? "" : "no status"; }

constexpr std::array kSections{
    bind::optional<&Upstream::health>("upstream[].health",
                                      "Checks of the endpoints beside the traffic, one per endpoint for all workers; "
                                      "without this table no endpoint is checked. Until its checks have failed an "
                                      "endpoint counts as healthy."),
    bind::inside<&Upstream::ejection>("upstream[].ejection",
                                      "Endpoints that fail requests get none for a while. Never the last one that is "
                                      "left, and nothing of this with a single endpoint."),
};

constexpr std::array kKeys{
    KeySpec{.path = "upstream[].health.kind",
            .bind = bind::word<&UpstreamHealth::kind>,
            .words = kKinds,
            .required = true,
            .example = "\"http\"",
            .doc = "How endpoints are asked. tcp: a connection is enough; tls: with its handshake, verified as "
                   "configured; http: a request, over what `protocol` says; grpc: grpc.health.v1.Health/Check over "
                   "HTTP/2, needs protocol h2, or auto with TLS."},
    KeySpec{.path = "upstream[].health.service",
            .bind = bind::string<&UpstreamHealth::service>,
            .check = {check_service, "at most 255 bytes"},
            .doc = "grpc: the service to ask for; empty: the server as a whole."},
    KeySpec{.path = "upstream[].health.method",
            .bind = bind::word<&UpstreamHealth::method>,
            .fallback = "GET",
            .words = kMethods,
            .doc = "http: the request's method; it has no body."},
    KeySpec{.path = "upstream[].health.path",
            .bind = bind::string<&UpstreamHealth::path>,
            .fallback = "/",
            .check = {check_target, "a path such as \"/ping\", a query may follow"},
            .doc = "http: what is asked for."},
    KeySpec{.path = "upstream[].health.host",
            .bind = bind::string<&UpstreamHealth::host>,
            .check = {check_host, "a host such as \"models.internal\", a port may follow"},
            .doc = "http: the Host of the request; empty: the endpoint's."},
    KeySpec{.path = "upstream[].health.expected_status",
            .bind = bind::strings<&UpstreamHealth::expected_status>,
            .fallback = "200-299",
            .check = {check_status, "a status such as \"200\", or a range such as \"200-299\""},
            .doc = "http: the statuses of a healthy endpoint. Redirects are not followed."},
    KeySpec{.path = "upstream[].health.expected_body",
            .bind = bind::string<&UpstreamHealth::expected_body>,
            .doc = "http: bytes that have to occur in the answer's body; empty: the status is enough."},
    KeySpec{.path = "upstream[].health.max_body",
            .bind = bind::size<&UpstreamHealth::max_body>,
            .fallback = "16KiB",
            .max = 1 << 20,
            .doc = "http: how much of the body is read to find expected_body. What is longer is not read to its end."},
    KeySpec{.path = "upstream[].health.port",
            .bind = bind::integer<&UpstreamHealth::port>,
            .fallback = "0",
            .max = 65535,
            .doc = "Checks go to this port of the endpoint's address; 0: to the port that the requests go to."},
    KeySpec{.path = "upstream[].health.interval",
            .bind = bind::duration<&UpstreamHealth::interval>,
            .fallback = "5s",
            .min = 100,
            .max = 3'600'000,
            .doc = "Between two checks of an endpoint, plus or minus a tenth."},
    KeySpec{.path = "upstream[].health.fast_interval",
            .bind = bind::duration<&UpstreamHealth::fast_interval>,
            .fallback = "1s",
            .min = 50,
            .max = 3'600'000,
            .doc = "The same while the endpoint is unhealthy, or its last result contradicts what it counts as. Where "
                   "`interval` is shorter, that counts."},
    KeySpec{.path = "upstream[].health.timeout",
            .bind = bind::duration<&UpstreamHealth::timeout>,
            .fallback = "1s",
            .min = 10,
            .max = 60'000,
            .doc = "Time for a whole check: connection, TLS and answer."},
    KeySpec{.path = "upstream[].health.unhealthy_after",
            .bind = bind::integer<&UpstreamHealth::unhealthy_after>,
            .fallback = "3",
            .min = 1,
            .max = 1000,
            .doc = "Failed checks in a row until an endpoint gets no more requests. When none is left, all get them."},
    KeySpec{.path = "upstream[].health.healthy_after",
            .bind = bind::integer<&UpstreamHealth::healthy_after>,
            .fallback = "2",
            .min = 1,
            .max = 1000,
            .doc = "Passed checks in a row until it gets requests again."},
    KeySpec{.path = "upstream[].ejection.enabled",
            .bind = bind::boolean<&UpstreamEjection::enabled>,
            .fallback = "true",
            .doc = "Whether failing requests take an endpoint out."},
    KeySpec{.path = "upstream[].ejection.consecutive_failures",
            .bind = bind::integer<&UpstreamEjection::consecutive_failures>,
            .fallback = "5",
            .max = 1'000'000,
            .doc =
                "Failed requests in a row, of all workers together: no connection, reset, no answer in time, or 502, "
                "503 or 504. 0: this reason does not count."},
    KeySpec{.path = "upstream[].ejection.success_rate",
            .bind = bind::boolean<&UpstreamEjection::success_rate>,
            .fallback = "true",
            .doc = "Whether an endpoint is taken out that fails much more often than the others."},
    KeySpec{.path = "upstream[].ejection.interval",
            .bind = bind::duration<&UpstreamEjection::interval>,
            .fallback = "10s",
            .min = 500,
            .max = 3'600'000,
            .doc = "Between two looks at success rates."},
    KeySpec{.path = "upstream[].ejection.min_requests",
            .bind = bind::integer<&UpstreamEjection::min_requests>,
            .fallback = "100",
            .min = 1,
            .max = 1'000'000'000,
            .doc = "Requests of an endpoint in an interval below which its success rate says nothing."},
    KeySpec{.path = "upstream[].ejection.min_endpoints",
            .bind = bind::integer<&UpstreamEjection::min_endpoints>,
            .fallback = "5",
            .min = 3,
            .max = 100'000,
            .doc = "Endpoints with that many requests below which rates are not compared."},
    KeySpec{.path = "upstream[].ejection.deviations",
            .bind = bind::integer<&UpstreamEjection::deviations>,
            .fallback = "190",
            .min = 50,
            .max = 1000,
            .doc = "Hundredths of the standard deviation that a success rate has to be below the mean."},
    KeySpec{.path = "upstream[].ejection.base_time",
            .bind = bind::duration<&UpstreamEjection::base_time>,
            .fallback = "30s",
            .min = 100,
            .max = 86'400'000,
            .doc = "How long the first ejection lasts, up to a tenth longer; each that soon follows lasts twice as "
                   "long as the one before."},
    KeySpec{.path = "upstream[].ejection.max_time",
            .bind = bind::duration<&UpstreamEjection::max_time>,
            .fallback = "300s",
            .min = 100,
            .max = 86'400'000,
            .doc = "The longest one lasts, up to a tenth longer."},
    KeySpec{.path = "upstream[].ejection.max_share",
            .bind = bind::integer<&UpstreamEjection::max_share>,
            .fallback = "50",
            .min = 1,
            .max = 100,
            .doc = "Percent of the endpoints that may be out for this reason at a time; one always may, where another "
                   "is left."},
};

}  // namespace

SchemaPart health_schema() { return {kSections, kKeys}; }

}  // namespace postern::config
