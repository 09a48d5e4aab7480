// A quantile of the durations of the last ten to twenty seconds: when a second try is worth its price.
// One per upstream and core, only where something asks for it; knows no clock.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "metrics/histogram.h"

namespace postern::upstream {

class RecentQuantile {
 public:
  static constexpr std::int64_t kWindowMs = 10'000;
  static constexpr std::int64_t kRefreshMs = 500;
  /// Fewer say nothing about a tail.
  static constexpr std::uint32_t kEnough = 50;

  void record(Nanoseconds duration, std::int64_t now_ms) noexcept;
  /// In milliseconds, the upper edge of the bin that holds it; 0: too little is known.
  [[nodiscard]] std::int64_t quantile_ms(double q, std::int64_t now_ms) noexcept;

 private:
  using Bins = std::array<std::uint32_t, metrics::kBins>;

  void move_to(std::int64_t now_ms) noexcept;
  [[nodiscard]] std::int64_t compute(double q) const noexcept;

  Bins present_{};
  Bins before_{};
  std::uint32_t present_count_ = 0;
  std::uint32_t before_count_ = 0;
  std::int64_t window_ends_ms_ = 0;
  std::int64_t refresh_ms_ = 0;
  double asked_ = 0;
  std::int64_t answer_ms_ = 0;
};

}  // namespace postern::upstream
