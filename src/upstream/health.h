// Whether an endpoint shall get requests, as active checks found: how they are made, and what their results add up to.
// The checker (proxy/health_check.h) makes them, the cluster picks by the outcome. Values; one core only.
#pragma once

#include <cstdint>
#include <string>

#include "config/settings.h"

namespace postern::upstream {

struct HealthThresholds {
  std::uint32_t unhealthy_after = 3;  // failures in a row
  std::uint32_t healthy_after = 2;    // successes in a row
};

struct HealthSpec {
  config::HealthKind kind = config::HealthKind::grpc;
  std::string service;
  std::int64_t interval_ms = 5'000;
  std::int64_t timeout_ms = 1'000;
  HealthThresholds thresholds;
};

/// Healthy until enough checks in a row have said otherwise: what nobody has asked yet is worth a try.
class EndpointHealth {
 public:
  EndpointHealth() = default;
  explicit EndpointHealth(HealthThresholds thresholds) noexcept : thresholds_(thresholds) {}

  [[nodiscard]] bool is_healthy() const noexcept { return healthy_; }

  /// True: this one changed it.
  bool record(bool passed) noexcept {
    if (passed == healthy_) {
      contrary_ = 0;
      return false;
    }
    if (++contrary_ < (healthy_ ? thresholds_.unhealthy_after : thresholds_.healthy_after)) return false;
    healthy_ = passed;
    contrary_ = 0;
    return true;
  }
  void reset() noexcept {
    healthy_ = true;
    contrary_ = 0;
  }

 private:
  HealthThresholds thresholds_;
  std::uint32_t contrary_ = 0;  // results in a row that say the opposite of healthy_
  bool healthy_ = true;
};

}  // namespace postern::upstream
