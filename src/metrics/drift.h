// Whether something takes longer now than it used to: two histograms whose counts fade, one fast and one slowly, and
// their quantiles compared. Pure: whoever calls brings counts and time. Control thread.
#pragma once

#include <array>
#include <cstdint>

#include "metrics/histogram.h"

namespace postern::metrics {

/// Counts that halve with each half-life.
class FadingHistogram {
 public:
  explicit FadingHistogram(double half_life_s) noexcept : half_life_s_(half_life_s) {}

  void fade(double elapsed_s) noexcept;
  void add(std::size_t bin, double count) noexcept {
    bins_[bin] += count;
    count_ += count;
  }
  [[nodiscard]] double count() const noexcept { return count_; }
  /// In seconds, between the edges of its bin as if the bin were evenly filled; 0 when empty.
  [[nodiscard]] double quantile(double q) const noexcept;

 private:
  const double half_life_s_;
  double count_ = 0;
  std::array<double, kBins> bins_{};
};

struct DriftSettings {
  double fast_half_life_s = 120;
  double slow_half_life_s = 21'600;
  double part = 1.5;  // either quantile's ratio, from here on
  double meet = 1.2;  // both ratios, up to here
  double min_count = 100;

  friend bool operator==(const DriftSettings&, const DriftSettings&) = default;
};

class DriftDetector {
 public:
  enum class Change : std::uint8_t { none, parted, met };

  explicit DriftDetector(const DriftSettings& settings) noexcept
      : settings_(settings), fast_(settings.fast_half_life_s), slow_(settings.slow_half_life_s) {}

  /// `total`: all that was ever counted; what is new since the last call is taken from it.
  Change update(const MergedHistogram& total, double elapsed_s) noexcept;

  /// Enough was counted to compare.
  [[nodiscard]] bool is_known() const noexcept {
    return fast_.count() >= settings_.min_count && slow_.count() >= kSlowFactor * settings_.min_count;
  }
  [[nodiscard]] bool is_parted() const noexcept { return parted_; }
  [[nodiscard]] double median_ratio() const noexcept { return ratio(0.5); }
  [[nodiscard]] double p95_ratio() const noexcept { return ratio(0.95); }
  [[nodiscard]] const FadingHistogram& fast() const noexcept { return fast_; }
  [[nodiscard]] const FadingHistogram& slow() const noexcept { return slow_; }

 private:
  static constexpr double kSlowFactor = 10;
  static constexpr unsigned kSteady = 3;  // comparisons in a row that say the same: one may be chance

  [[nodiscard]] double ratio(double q) const noexcept;

  const DriftSettings settings_;
  FadingHistogram fast_;
  FadingHistogram slow_;
  std::array<std::uint64_t, kBins> last_{};
  unsigned against_ = 0;  // comparisons in a row that speak against the present state
  bool parted_ = false;
};

}  // namespace postern::metrics
