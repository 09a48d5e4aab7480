// A route's rules for tries that fail or are slow, compiled: what may be repeated, how often, and when a second try
// runs beside the first. Values inside the immutable Route. Any thread.
#pragma once

#include <chrono>
#include <cstdint>

#include "config/retry_words.h"
#include "config/settings_failures.h"

namespace postern::route {

struct RetryRules {
  config::RetryWhen when = config::RetryWhen::idempotent;
  std::uint32_t attempts = 3;  // the first one included
  std::uint32_t on =
      bit_of(config::RetryOn::connect) | bit_of(config::RetryOn::stale) | bit_of(config::RetryOn::refused_stream);
  std::chrono::milliseconds try_timeout{};  // 0: none
  std::chrono::milliseconds backoff{25};
  std::chrono::milliseconds max_retry_after{1000};
  double share = 0.1;  // of the upstream's requests
  double floor = 3;    // a second

  [[nodiscard]] bool has(config::RetryOn what) const noexcept { return (on & bit_of(what)) != 0; }
};

struct HedgeRules {
  double quantile = 0;                // of the upstream's latency; 0: `after` counts
  std::chrono::milliseconds after{};  // 0: the quantile counts
  double share = 0.02;
  bool is_set = false;
};

RetryRules compile_retry(const config::RouteRetry& source);
HedgeRules compile_hedge(const config::RouteHedge& source);

}  // namespace postern::route
