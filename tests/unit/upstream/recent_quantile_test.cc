#include "upstream/recent_quantile.h"

#include <gtest/gtest.h>

namespace postern::upstream {
namespace {

constexpr Nanoseconds kMs = 1'000'000;

TEST(RecentQuantile, SaysNothingWhereLittleIsKnown) {
  RecentQuantile latency;
  EXPECT_EQ(latency.quantile_ms(0.95, 0), 0);
  for (std::uint32_t i = 1; i < RecentQuantile::kEnough; ++i) latency.record(5 * kMs, 100);
  EXPECT_EQ(latency.quantile_ms(0.95, 1000), 0);
  latency.record(5 * kMs, 1500);
  EXPECT_GE(latency.quantile_ms(0.95, 2000), 5);
}

TEST(RecentQuantile, IsWithinABin) {
  RecentQuantile latency;
  for (int i = 0; i < 1000; ++i) latency.record((i < 940 ? 10 : 200) * kMs, 100);
  EXPECT_NEAR(static_cast<double>(latency.quantile_ms(0.50, 1000)), 11, 2);
  EXPECT_NEAR(static_cast<double>(latency.quantile_ms(0.95, 2000)), 220, 40);
  EXPECT_NEAR(static_cast<double>(latency.quantile_ms(0.90, 2000)), 11, 2);
}

TEST(RecentQuantile, ForgetsOldTimes) {
  RecentQuantile latency;
  for (int i = 0; i < 200; ++i) latency.record(1000 * kMs, 0);
  for (int i = 0; i < 200; ++i) latency.record(10 * kMs, 12'000);
  EXPECT_GE(latency.quantile_ms(0.95, 12'000), 1000);  // the window before counts
  for (int i = 0; i < 200; ++i) latency.record(10 * kMs, 24'000);
  EXPECT_LT(latency.quantile_ms(0.95, 25'000), 20);
  EXPECT_EQ(latency.quantile_ms(0.95, 90'000), 0);
}

}  // namespace
}  // namespace postern::upstream
