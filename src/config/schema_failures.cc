// The table's part on upstreams that fail or are full: retries, hedges, circuits, queues, limits that adapt.
#include <array>

#include "config/retry_words.h"
#include "config/schema.h"
#include "config/schema_bind.h"
#include "config/syntax.h"
#include "config/units.h"

namespace postern::config {
namespace {

// Words stand in the order of their enum.
constexpr std::array<std::string_view, 3> kWhen{"never", "idempotent", "always"};

constexpr std::uint64_t kHour = 3'600'000;

std::string check_deadline_header(std::string_view text) { return text.empty() ? "" : check_header_name(text); }

/// "p50" to "p99", or a duration.
std::string check_after(std::string_view text) {
  if (text.size() == 3 && text[0] == 'p') {
    const auto percent = parse_unsigned(text.substr(1));
    return percent && *percent >= 50 ? "" : "no percentile";
  }
  const auto duration = parse_duration(text);
  return duration && *duration >= 1 && *duration <= kHour ? "" : "neither a percentile nor a duration";
}

constexpr std::array kSections{
    bind::inside<&Route::retry>("route[].retry", "What is done when a try at an endpoint fails."),
    bind::optional<&Route::hedge>(
        "route[].hedge",
        "A second try beside the first where that is slow; the first good answer wins, the other try is cancelled. "
        "Only for requests that may be repeated, see route.retry.when."),
    bind::inside<&Upstream::circuit>("upstream[].circuit",
                                     "The most that each endpoint gets at a time, from all workers together."),
    bind::optional<&Upstream::queue>("upstream[].queue",
                                     "Requests that find every endpoint at its limit wait, each worker's in their "
                                     "order; without this table they get 503."),
    bind::optional<&Upstream::adaptive>(
        "upstream[].adaptive",
        "A limit of requests at a time per endpoint and worker that follows the latency: down while answers take "
        "longer than without load, up again when they do not."),
};

constexpr std::array kKeys{
    KeySpec{.path = "route[].deadline_header",
            .bind = bind::string<&Route::deadline_header>,
            .check = {check_deadline_header, "a header's name"},
            .doc = "A request header whose value (\"250ms\", \"1.5s\", or a number of seconds) shortens "
                   "request_timeout for that request, such as \"X-Request-Timeout\"; empty: none."},
    KeySpec{.path = "route[].retry.when",
            .bind = bind::word<&RouteRetry::when>,
            .fallback = "idempotent",
            .words = kWhen,
            .doc = "Requests that may be sent again although the endpoint may have begun to work on them. What surely "
                   "reached no endpoint is sent again whatever this says."},
    KeySpec{.path = "route[].retry.attempts",
            .bind = bind::integer<&RouteRetry::attempts>,
            .fallback = "3",
            .min = 1,
            .max = 10,
            .doc = "Tries in all. An endpoint that refuses the connection counts only when no other is left to ask."},
    KeySpec{.path = "route[].retry.on",
            .bind = bind::strings<&RouteRetry::on>,
            .fallback = "connect stale refused-stream",
            .words = kRetryWords,
            .doc = "What makes another try: no connection; a kept connection that was closed; an HTTP/2 request that "
                   "the endpoint left alone; any connection that broke before the answer; no answer in time; gRPC's "
                   "UNAVAILABLE; statuses."},
    KeySpec{.path = "route[].retry.try_timeout",
            .bind = bind::duration<&RouteRetry::try_timeout>,
            .fallback = "0s",
            .max = 24 * kHour,
            .doc = "From the moment a try has its connection to the head of its answer; 0s: response_timeout alone."},
    KeySpec{.path = "route[].retry.backoff",
            .bind = bind::duration<&RouteRetry::backoff>,
            .fallback = "25ms",
            .max = 10'000,
            .doc = "Pause before a try at what may be overloaded: up to this, then up to twice as much each time, at "
                   "random. What surely reached no endpoint is sent to another one at once."},
    KeySpec{.path = "route[].retry.max_retry_after",
            .bind = bind::duration<&RouteRetry::max_retry_after>,
            .fallback = "1s",
            .max = 60'000,
            .doc = "The longest Retry-After of a 429, or of an upstream's only endpoint, that is waited for; answers "
                   "that ask for more are passed on."},
    KeySpec{.path = "route[].retry.budget",
            .bind = bind::integer<&RouteRetry::budget>,
            .fallback = "10",
            .max = 100,
            .doc = "Retries in percent of the upstream's requests in the last ten seconds, per worker; beyond it "
                   "failures are passed on."},
    KeySpec{.path = "route[].retry.budget_floor",
            .bind = bind::integer<&RouteRetry::budget_floor>,
            .fallback = "3",
            .max = 1000,
            .doc = "Retries a second, per worker, that are allowed however few requests there are."},
    KeySpec{.path = "route[].hedge.after",
            .bind = bind::string<&RouteHedge::after>,
            .fallback = "p95",
            .check = {check_after, "a percentile of the upstream's latency such as \"p95\", or a duration"},
            .doc = "How long the first try may take to the head of its answer: a percentile of what the upstream's "
                   "answers took lately, or a duration."},
    KeySpec{.path = "route[].hedge.budget",
            .bind = bind::integer<&RouteHedge::budget>,
            .fallback = "2",
            .min = 1,
            .max = 100,
            .doc = "Hedges in percent of the upstream's requests in the last ten seconds, per worker."},
    KeySpec{.path = "upstream[].circuit.max_connections",
            .bind = bind::integer<&UpstreamCircuit::max_connections>,
            .fallback = "0",
            .max = 1'000'000,
            .doc = "Connections to one endpoint, idle ones included; 0: no limit."},
    KeySpec{.path = "upstream[].circuit.max_in_flight",
            .bind = bind::integer<&UpstreamCircuit::max_in_flight>,
            .fallback = "0",
            .max = 1'000'000,
            .doc = "Requests at a time to one endpoint; 0: no limit."},
    KeySpec{.path = "upstream[].queue.max_waiting",
            .bind = bind::integer<&UpstreamQueue::max_waiting>,
            .fallback = "1000",
            .min = 1,
            .max = 1'000'000,
            .doc = "Requests that may wait, per worker: a bound for memory. What ends the wait is time."},
    KeySpec{.path = "upstream[].queue.max_wait",
            .bind = bind::duration<&UpstreamQueue::max_wait>,
            .fallback = "1s",
            .min = 1,
            .max = kHour,
            .doc = "The longest wait. A request that would have to wait longer, or beyond its own deadline, at the "
                   "rate at which the endpoints become free, gets 503 with Retry-After at once."},
    KeySpec{.path = "upstream[].adaptive.initial",
            .bind = bind::integer<&UpstreamAdaptive::initial>,
            .fallback = "20",
            .min = 1,
            .max = 100'000,
            .doc = "The limit before anything is known, between min and max."},
    KeySpec{.path = "upstream[].adaptive.min",
            .bind = bind::integer<&UpstreamAdaptive::min>,
            .fallback = "1",
            .min = 1,
            .max = 100'000,
            .doc = "The limit is never lower."},
    KeySpec{.path = "upstream[].adaptive.max",
            .bind = bind::integer<&UpstreamAdaptive::max>,
            .fallback = "1000",
            .min = 1,
            .max = 100'000,
            .doc = "The limit is never higher."},
    KeySpec{.path = "upstream[].adaptive.tolerance",
            .bind = bind::integer<&UpstreamAdaptive::tolerance>,
            .fallback = "150",
            .min = 100,
            .max = 1000,
            .doc = "How long answers may take before the limit shrinks, in percent of the latency without load."},
};

}  // namespace

SchemaPart failures_schema() { return {kSections, kKeys}; }

}  // namespace postern::config
