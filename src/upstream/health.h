// Whether an endpoint shall get requests, as active checks find: how they are made, and what their results add up to.
// The checker (proxy/health_check.h) makes them and tells all cores through the endpoint's shared state. Values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.h"

namespace postern::upstream {

struct HealthThresholds {
  std::uint32_t unhealthy_after = 3;  // failures in a row
  std::uint32_t healthy_after = 2;    // successes in a row

  bool operator==(const HealthThresholds&) const = default;
};

struct HealthSpec {
  config::HealthKind kind = config::HealthKind::grpc;
  std::string service;  // grpc
  config::HealthMethod method = config::HealthMethod::get;
  std::string path = "/";
  std::string host;                                                           // empty: the endpoint's
  std::vector<std::pair<std::uint16_t, std::uint16_t>> statuses{{200, 299}};  // first and last of each range
  std::string expected_body;
  std::size_t max_body = 16 * 1024;
  std::uint16_t port = 0;  // 0: the endpoint's
  std::int64_t interval_ms = 5'000;
  std::int64_t fast_interval_ms = 1'000;
  std::int64_t timeout_ms = 1'000;
  HealthThresholds thresholds;

  bool operator==(const HealthSpec&) const = default;

  [[nodiscard]] bool expects_status(std::uint16_t status) const noexcept {
    return std::any_of(statuses.begin(), statuses.end(),
                       [&](const auto& range) { return range.first <= status && status <= range.second; });
  }
  /// `body`: what was read of it, at most max_body.
  [[nodiscard]] bool expects_body(std::string_view body) const noexcept {
    return body.find(expected_body) != std::string_view::npos;
  }
};

/// Healthy until enough checks in a row have said otherwise: what nobody has asked yet is worth a try.
class EndpointHealth {
 public:
  EndpointHealth() = default;
  /// `healthy`: what is known of it from before.
  explicit EndpointHealth(HealthThresholds thresholds, bool healthy = true) noexcept
      : thresholds_(thresholds), healthy_(healthy) {}

  [[nodiscard]] bool is_healthy() const noexcept { return healthy_; }
  /// Healthy, and the last result said so: nothing that should be looked at more closely.
  [[nodiscard]] bool is_settled() const noexcept { return healthy_ && contrary_ == 0; }

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
