#include "upstream/try_budget.h"

#include <gtest/gtest.h>

namespace postern::upstream {
namespace {

int take_all(TryBudget& budget, std::int64_t now_ms, double share, double floor) {
  int taken = 0;
  while (taken < 100'000 && budget.take(Extra::retry, now_ms, share, floor)) ++taken;
  return taken;
}

TEST(TryBudget, AllowsAShareOfTheRequests) {
  TryBudget budget;
  for (int i = 0; i < 1000; ++i) budget.request(1000 + i);
  EXPECT_EQ(take_all(budget, 2000, 0.1, 0), 100);
  EXPECT_EQ(take_all(budget, 2000, 0.1, 0), 0);
}

TEST(TryBudget, AllowsAFewWhereThereIsNoTraffic) {
  TryBudget budget;
  EXPECT_EQ(take_all(budget, 5, 0.1, 3), 30);
  EXPECT_EQ(take_all(budget, 9'900, 0.1, 3), 0);
  EXPECT_EQ(take_all(budget, 10'000, 0.1, 3), 30);
}

TEST(TryBudget, ForgetsWhatIsTenSecondsOld) {
  TryBudget budget;
  for (int i = 0; i < 500; ++i) budget.request(100'000);
  for (int i = 0; i < 500; ++i) budget.request(105'000);
  EXPECT_EQ(take_all(budget, 109'999, 0.1, 0), 100);
  EXPECT_EQ(take_all(budget, 110'500, 0.1, 0), 0);  // 500 requests are left, and all the tries
  for (int i = 0; i < 1000; ++i) budget.request(110'600);
  EXPECT_EQ(take_all(budget, 110'600, 0.1, 0), 50);
  EXPECT_EQ(take_all(budget, 500'000, 0.1, 0), 0);
}

TEST(TryBudget, UnderATotalOutageRetriesStayAShare) {
  TryBudget budget;
  int retries = 0;
  constexpr int kRequests = 60'000;
  for (int i = 0; i < kRequests; ++i) {  // a minute of a thousand a second
    const std::int64_t now = 1'000'000 + i;
    budget.request(now);
    retries += budget.take(Extra::retry, now, 0.1, 3);
  }
  EXPECT_LE(retries, kRequests / 10 + 3 * 70);
  EXPECT_GE(retries, kRequests / 10 - 1000);
}

TEST(TryBudget, HedgesHaveABudgetOfTheirOwn) {
  TryBudget budget;
  for (int i = 0; i < 100; ++i) budget.request(0);
  EXPECT_EQ(take_all(budget, 0, 0.1, 0), 10);
  EXPECT_TRUE(budget.take(Extra::hedge, 0, 0.02, 0));
  EXPECT_TRUE(budget.take(Extra::hedge, 0, 0.02, 0));
  EXPECT_FALSE(budget.take(Extra::hedge, 0, 0.02, 0));
}

TEST(TryBudget, AClockThatWasBehindStartsOver) {
  TryBudget budget;
  for (int i = 0; i < 100; ++i) budget.request(50'000);
  budget.request(1'000);
  EXPECT_EQ(take_all(budget, 1'000, 1, 0), 1);
}

}  // namespace
}  // namespace postern::upstream
