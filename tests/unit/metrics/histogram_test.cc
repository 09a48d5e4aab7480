// The geometry of the bins, and what is read from them.
#include "metrics/histogram.h"

#include <gtest/gtest.h>

namespace postern::metrics {
namespace {

TEST(Histogram, EveryDurationLiesInItsBin) {
  std::uint64_t begin = 0;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    EXPECT_EQ(bin_of(begin), bin);
    EXPECT_EQ(bin_of(bin_end(bin) - 1), bin);
    EXPECT_LE(static_cast<double>(bin_end(bin)), 1.25 * static_cast<double>(begin) + 1);
    begin = bin_end(bin);
  }
  EXPECT_EQ(begin, std::uint64_t{1} << kOctaves);
  EXPECT_EQ(bin_of(begin), kBins - 1) << "longer ones count in the last";
  EXPECT_EQ(bin_of(~std::uint64_t{0}), kBins - 1);
}

TEST(Histogram, MergesAndAnswers) {
  Histogram first{}, second{};
  for (int i = 0; i < 90; ++i) first.record(100'000);  // 100 us
  for (int i = 0; i < 10; ++i) second.record(50'000'000);
  second.record(-5);  // a clock that went back
  MergedHistogram merged;
  merged.add(first);
  merged.add(second);
  EXPECT_EQ(merged.count(), 101U);
  EXPECT_EQ(merged.sum_ns, 90 * 100'000U + 10 * 50'000'000ULL);
  EXPECT_EQ(merged.below(64), 1U);
  EXPECT_EQ(merged.below(128), 91U);
  EXPECT_EQ(merged.below(std::uint64_t{1} << kOctaves), 101U);
  EXPECT_NEAR(merged.quantile(0.5), 100e-6, 25e-6);
  EXPECT_NEAR(merged.quantile(0.99), 50e-3, 13e-3);
  EXPECT_EQ(MergedHistogram{}.quantile(0.5), 0);
}

}  // namespace
}  // namespace postern::metrics
