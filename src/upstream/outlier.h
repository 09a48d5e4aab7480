// Passive ejection: an endpoint that fails requests gets none for a while, as long as enough others are left.
// Rules over a SharedUpstream with an explicit clock. Failures in a row are judged where they happen, on any core;
// success rates and the way back by whoever sweeps (proxy/health_keeper.h). Does not log and does not count.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metrics/kinds.h"
#include "upstream/shared_upstream.h"

namespace postern::upstream {

struct EjectionSpec {
  bool enabled = true;
  std::uint32_t consecutive_failures = 5;  // 0: do not count
  bool success_rate = true;
  std::int64_t interval_ms = 10'000;
  std::uint32_t min_requests = 100;
  std::uint32_t min_endpoints = 5;
  double deviations = 1.9;
  std::int64_t base_ms = 30'000;
  std::int64_t max_ms = 300'000;
  std::uint32_t max_share = 50;  // percent

  bool operator==(const EjectionSpec&) const = default;
};

/// An endpoint that was ejected, or is back.
struct EjectionEvent {
  std::string endpoint;
  bool back = false;
  metrics::Ejection reason = metrics::Ejection::consecutive_failures;
  std::int64_t for_ms = 0;
  double rate = 0;   // success_rate: its own
  double usual = 0;  // and the mean
};

/// Below `lowest` a success rate (0 to 1) is an outlier among these.
struct RateLimit {
  double mean = 0;
  double lowest = 0;
};
RateLimit success_rate_limit(std::span<const double> rates, double deviations) noexcept;

/// `random` draws how much longer it lasts, so that endpoints do not come back in step.
std::optional<EjectionEvent> eject_for_failures(SharedUpstream& upstream, const EndpointState& state,
                                                const EjectionSpec& spec, std::int64_t now_ms, std::uint64_t random);
/// Looks at what came in since the call before.
std::vector<EjectionEvent> eject_for_rates(SharedUpstream& upstream, const EjectionSpec& spec, std::int64_t now_ms,
                                           std::uint64_t random);
/// Those whose time is over; with ejection disabled all of them.
std::vector<EjectionEvent> end_ejections(SharedUpstream& upstream, const EjectionSpec& spec, std::int64_t now_ms);

}  // namespace postern::upstream
