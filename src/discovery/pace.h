// When to look again: as an answer's TTL says within the configured bounds, or sooner and sooner less often while there
// is no good answer. A value; pure apart from its count of failures.
#pragma once

#include <algorithm>
#include <cstdint>

#include "config/settings_discovery.h"

namespace postern::discovery {

class Pace {
 public:
  static constexpr std::int64_t kFirstRetryMs = 250;
  static constexpr std::int64_t kLastRetryMs = 5'000;

  explicit Pace(const config::Discovery& settings) noexcept
      : min_ms_(settings.min_ttl.count()),
        max_ms_(std::max(settings.max_ttl.count(), min_ms_)),
        refresh_ms_(settings.refresh.count()) {}

  /// `random` in [0, 1) takes up to a tenth off, so that many who learned of a name together part over time.
  std::int64_t after_good(std::uint32_t ttl_s, double random) noexcept {
    failures_ = 0;
    const std::int64_t whole = ttl_s == 0 ? refresh_ms_ : std::clamp(std::int64_t{ttl_s} * 1000, min_ms_, max_ms_);
    return spread(whole, random);
  }
  std::int64_t after_bad(double random) noexcept {
    const std::int64_t whole = std::min(kFirstRetryMs << std::min(failures_, 8u), kLastRetryMs);
    ++failures_;
    return spread(whole, random);
  }

 private:
  static std::int64_t spread(std::int64_t whole, double random) noexcept {
    return whole - static_cast<std::int64_t>(static_cast<double>(whole) * 0.1 * random);
  }

  std::int64_t min_ms_;
  std::int64_t max_ms_;
  std::int64_t refresh_ms_;
  unsigned failures_ = 0;
};

}  // namespace postern::discovery
