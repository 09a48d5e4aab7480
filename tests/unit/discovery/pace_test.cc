#include "discovery/pace.h"

#include <gtest/gtest.h>

namespace postern::discovery {
namespace {

config::Discovery settings() {
  config::Discovery s;
  s.min_ttl = std::chrono::seconds(2);
  s.max_ttl = std::chrono::seconds(60);
  s.refresh = std::chrono::seconds(5);
  return s;
}

struct TtlCase {
  std::uint32_t ttl_s;
  double random;
  std::int64_t want_ms;
};

class PaceTtl : public testing::TestWithParam<TtlCase> {};

TEST_P(PaceTtl, KeepsToTheBounds) {
  Pace pace(settings());
  EXPECT_EQ(pace.after_good(GetParam().ttl_s, GetParam().random), GetParam().want_ms);
}

INSTANTIATE_TEST_SUITE_P(Ttl, PaceTtl,
                         testing::Values(TtlCase{1, 0, 2'000}, TtlCase{2, 0, 2'000}, TtlCase{30, 0, 30'000},
                                         TtlCase{30, 0.5, 28'500}, TtlCase{60, 0, 60'000}, TtlCase{61, 0, 60'000},
                                         TtlCase{0x7fffffff, 0, 60'000}, TtlCase{~0u, 0.999, 54'006},
                                         TtlCase{0, 0, 5'000}));

TEST(Pace, TriesAgainSoonAndThenLessOften) {
  Pace pace(settings());
  std::int64_t last = 0;
  for (int i = 0; i < 1'000; ++i) {
    const std::int64_t delay = pace.after_bad(0);
    EXPECT_GE(delay, last);
    EXPECT_LE(delay, Pace::kLastRetryMs);
    last = delay;
  }
  EXPECT_EQ(last, Pace::kLastRetryMs);
  pace.after_good(10, 0);
  EXPECT_EQ(pace.after_bad(0), Pace::kFirstRetryMs);
}

}  // namespace
}  // namespace postern::discovery
