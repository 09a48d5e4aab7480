// docs/metrics.md from the table: reference_markdown(). Called by its test, which keeps file and table equal.
#include <string>
#include <string_view>

#include "metrics/kinds.h"
#include "metrics/table.h"

namespace postern::metrics {
namespace {

constexpr std::string_view kIntro =
    "# Metrics\n\n"
    "Made from the table in `src/metrics/table.cc`; do not edit by hand.\n\n"
    "`GET /metrics` on the admin listener answers in the Prometheus text format. Each core counts for itself without "
    "locks; a scrape adds the cores up, so a value may be a moment old.\n\n"
    "- Counts belong to names: a route, upstream or listener keeps its series over reloads, also when it is taken out "
    "and put back. `_none` stands for requests that matched no route. After 10,000 names of a kind, new ones share "
    "`_other`.\n"
    "- With more than 256 names of a kind, those that have seen nothing yet are left out.\n"
    "- Histograms are recorded in bins of at most 25 % width and shown in powers of two of a microsecond, from 64 us "
    "to 9 minutes.\n"
    "- `status_class` is `1xx` to `5xx` or `none`.\n\n"
    "| name | type | labels | meaning |\n|---|---|---|---|\n";

template <class Kind>
void append_kind(std::string& out, std::string_view metrics) {
  out.append("- ").append(metrics).append(": ");
  const std::size_t first = to_string(Kind{}) == "none" ? 1 : 0;
  for (std::size_t i = first; i < kCount<Kind>; ++i) {
    out.append(i == first ? "`" : ", `").append(to_string(static_cast<Kind>(i))).append("`");
  }
  out += '\n';
}

void append_labels(std::string& out, std::string_view labels) {
  while (!labels.empty()) {
    const std::size_t comma = labels.find(',');
    out.append("`").append(labels.substr(0, comma)).append("`");
    if (comma == std::string_view::npos) return;
    out += ' ';
    labels.remove_prefix(comma + 1);
  }
}

}  // namespace

std::string reference_markdown() {
  std::string out(kIntro);
  for (const FamilyInfo& family : families()) {
    out.append("| `").append(family.name).append("` | ").append(to_string(family.type)).append(" | ");
    append_labels(out, family.labels);
    out.append(" | ").append(family.help).append(" |\n");
  }
  out += "\n## Reasons\n\n";
  append_kind<Reason>(out, "`postern_request_errors_total`");
  append_kind<CredentialResult>(out, "`postern_credentials_total`");
  append_kind<AccessResult>(out, "`postern_access_total`");
  append_kind<Rejection>(out, "`postern_connections_rejected_total`");
  append_kind<H2Event>(out, "`postern_h2_events_total`");
  append_kind<HandshakeFailure>(out, "`postern_tls_handshake_failures_total`");
  append_kind<UpstreamError>(out, "`postern_upstream_errors_total`");
  append_kind<HealthResult>(out, "`postern_upstream_health_checks_total`");
  append_kind<Ejection>(out, "`postern_upstream_ejections_total`");
  append_kind<DiscoveryResult>(out, "`postern_upstream_discovery_total`");
  append_kind<FailureCause>(out, "`postern_responses_5xx_total`");
  append_kind<QueueResult>(out, "`postern_upstream_queue_total`");
  append_kind<HedgeResult>(out, "`postern_upstream_hedges_total`");
  return out;
}

}  // namespace postern::metrics
