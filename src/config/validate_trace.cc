// Cross checks on tracing and drift.
#include <fmt/format.h>

#include <unordered_set>

#include "config/share.h"
#include "config/validate.h"

namespace postern::config {
namespace {

void check_twice(const std::vector<std::string>& words, const std::string& key, Report& report) {
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!seen.insert(words[i]).second) report.add(item(key, i), "stands there twice");
  }
}

void check_otlp(const TraceOtlp& otlp, Report& report) {
  const std::optional<HttpUrl> url = parse_http_url(otlp.endpoint);
  if (!url || report.is_faulty("trace.otlp.endpoint")) return;
  const OtlpTls& tls = otlp.tls;
  const bool any = !tls.ca.empty() || !tls.sni.empty() || !tls.cert.empty() || !tls.key.empty();
  if (any && !url->is_secure) report.add("trace.otlp.tls", "has no effect: the endpoint is not https");
  if (!tls.cert.empty() && tls.key.empty()) report.add("trace.otlp.tls.key", "missing beside cert");
  if (tls.cert.empty() && !tls.key.empty()) report.add("trace.otlp.tls.cert", "missing beside key");
}

}  // namespace

void validate_trace(const Settings& settings, Report& report) {
  if (settings.trace && !report.is_faulty("trace")) {
    check_twice(settings.trace->extract, "trace.extract", report);
    check_twice(settings.trace->inject, "trace.inject", report);
    if (settings.trace->otlp && !report.is_faulty("trace.otlp")) check_otlp(*settings.trace->otlp, report);
  }
  if (!settings.drift || report.is_faulty("drift")) return;
  const Drift& drift = *settings.drift;
  if (drift.slow < 4 * drift.fast) report.add("drift.slow", "less than four times `fast`");
  if (drift.meet_percent > drift.part_percent) report.add("drift.meet_percent", "above part_percent");
}

}  // namespace postern::config
