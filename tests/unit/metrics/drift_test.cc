// Latency drift: known only with enough counts, parted and met with patience, and a simulation of a day.
#include "metrics/drift.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace postern::metrics {
namespace {

using Change = DriftDetector::Change;

/// Requests around `median_ms`, with a tail, counted into a cumulative histogram.
class Load {
 public:
  void add(double median_ms, int requests) {
    std::lognormal_distribution<double> times(std::log(median_ms * 1000), 0.3);
    for (int i = 0; i < requests; ++i) ++total_.bins[bin_of(static_cast<std::uint64_t>(times(random_)))];
  }
  const MergedHistogram& total() const { return total_; }

 private:
  std::mt19937 random_{7};
  MergedHistogram total_;
};

TEST(FadingHistogram, FadesAndAnswers) {
  FadingHistogram histogram(10);
  EXPECT_EQ(histogram.quantile(0.5), 0);
  histogram.add(bin_of(1000), 100);
  EXPECT_NEAR(histogram.quantile(0.5), 1e-3, 0.25e-3);
  histogram.fade(10);
  EXPECT_NEAR(histogram.count(), 50, 1e-9);
  histogram.add(bin_of(100'000), 150);
  EXPECT_NEAR(histogram.quantile(0.5), 0.1, 0.025);
  EXPECT_NEAR(histogram.quantile(0.1), 1e-3, 0.25e-3);
}

TEST(Drift, SaysNothingWithoutEnough) {
  DriftDetector detector({});
  Load load;
  load.add(10, 900);
  EXPECT_EQ(detector.update(load.total(), 10), Change::none);
  EXPECT_FALSE(detector.is_known());
  load.add(10, 200);
  detector.update(load.total(), 10);
  EXPECT_TRUE(detector.is_known());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(detector.update(load.total(), 10), Change::none);
  EXPECT_FALSE(detector.is_known());  // "now" has faded
}

TEST(Drift, PartsAndMeetsOnceEach) {
  DriftDetector detector({});
  Load load;
  int parted = 0;
  int met = 0;
  const auto run = [&](double median_ms, int minutes) {
    for (int i = 0; i < minutes * 6; ++i) {
      load.add(median_ms, 100);
      const Change change = detector.update(load.total(), 10);
      parted += change == Change::parted ? 1 : 0;
      met += change == Change::met ? 1 : 0;
    }
  };
  run(20, 120);
  EXPECT_EQ(parted, 0);
  EXPECT_NEAR(detector.median_ratio(), 1, 0.05);
  run(40, 10);
  EXPECT_EQ(parted, 1);
  EXPECT_TRUE(detector.is_parted());
  EXPECT_NEAR(detector.median_ratio(), 1.9, 0.2);
  run(40, 10);
  EXPECT_EQ(parted, 1);
  run(20, 20);
  EXPECT_EQ(met, 1);
  EXPECT_FALSE(detector.is_parted());
}

TEST(Drift, ATailAloneIsDrift) {
  DriftDetector detector({});
  Load load;
  for (int i = 0; i < 100; ++i) {
    load.add(20, 100);
    EXPECT_EQ(detector.update(load.total(), 10), Change::none);
  }
  int parted = 0;
  for (int i = 0; i < 60; ++i) {
    load.add(20, 90);
    load.add(200, 10);
    parted += detector.update(load.total(), 10) == Change::parted ? 1 : 0;
  }
  EXPECT_EQ(parted, 1);
  EXPECT_NEAR(detector.median_ratio(), 1, 0.15);
  EXPECT_GT(detector.p95_ratio(), 3);
}

TEST(Drift, OneSlowMomentIsNone) {
  DriftDetector detector({.fast_half_life_s = 10});
  Load load;
  for (int i = 0; i < 100; ++i) {
    load.add(20, 200);
    detector.update(load.total(), 10);
  }
  load.add(100, 400);
  EXPECT_EQ(detector.update(load.total(), 10), Change::none);
  for (int i = 0; i < 30; ++i) {
    load.add(20, 2000);
    EXPECT_EQ(detector.update(load.total(), 10), Change::none) << i;
  }
}

// A day with busy and quiet hours, a slow growth that is nobody's drift, and an hour in which a model is three times
// as slow: one warning within a minute or two, one all-clear, nothing else.
TEST(Drift, SimulatedDay) {
  DriftDetector detector({});
  Load load;
  int parted_at = -1;
  int met_at = -1;
  int changes = 0;
  for (int tick = 0; tick < 24 * 360; ++tick) {  // every 10 s
    const double hour = tick / 360.0;
    const int requests = 20 + static_cast<int>(15 * std::sin(hour / 24 * 6.28));
    const double usual = 30 * (1 + 0.01 * hour);
    load.add(hour >= 12 && hour < 13 ? 3 * usual : usual, requests);
    const Change change = detector.update(load.total(), 10);
    changes += change != Change::none ? 1 : 0;
    if (change == Change::parted) parted_at = tick;
    if (change == Change::met) met_at = tick;
  }
  EXPECT_EQ(changes, 2);
  EXPECT_NEAR(parted_at, 12 * 360, 18);
  EXPECT_GT(met_at, 13 * 360);
  EXPECT_LT(met_at, 14 * 360);
}

}  // namespace
}  // namespace postern::metrics
