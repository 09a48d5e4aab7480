#include "route/failure_rules.h"

#include "config/units.h"

namespace postern::route {

RetryRules compile_retry(const config::RouteRetry& source) {
  return {.when = source.when,
          .attempts = source.attempts,
          .on = config::retry_bits(source.on),
          .try_timeout = source.try_timeout,
          .backoff = source.backoff,
          .max_retry_after = source.max_retry_after,
          .share = source.budget / 100.0,
          .floor = static_cast<double>(source.budget_floor)};
}

HedgeRules compile_hedge(const config::RouteHedge& source) {
  HedgeRules rules{.share = source.budget / 100.0, .is_set = true};
  const std::string_view after = source.after;
  if (after.starts_with('p')) {
    rules.quantile = static_cast<double>(config::parse_unsigned(after.substr(1)).value_or(95)) / 100.0;
  } else {
    rules.after = std::chrono::milliseconds(config::parse_duration(after).value_or(1000));
  }
  return rules;
}

}  // namespace postern::route
