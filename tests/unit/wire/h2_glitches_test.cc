// A connection's account: what it costs, what time forgives. The clock is the test's.
#include "wire/h2_glitches.h"

#include <gtest/gtest.h>

namespace postern::wire {
namespace {

using Verdict = H2Glitches::Verdict;

/// How many of that weight at once until the verdict is heard for the first time.
int until(Verdict wanted, std::uint32_t most, std::uint32_t weight) {
  H2Glitches glitches(most);
  for (int i = 1; i < 100'000; ++i) {
    if (glitches.add(weight, 1000) == wanted) return i;
  }
  return -1;
}

TEST(H2Glitches, WarnsAtThreeQuartersAndKillsAtTheLimit) {
  EXPECT_EQ(until(Verdict::warn, 100, H2Glitches::kWhole), 75);
  EXPECT_EQ(until(Verdict::kill, 100, H2Glitches::kWhole), 100);
  EXPECT_EQ(until(Verdict::warn, 100, H2Glitches::kFifth), 375);
  EXPECT_EQ(until(Verdict::kill, 100, H2Glitches::kFifth), 500);
  EXPECT_EQ(until(Verdict::kill, 1, H2Glitches::kWhole), 1);
}

TEST(H2Glitches, TimeForgivesAWholeOneEachTenthOfASecond) {
  H2Glitches glitches(100);
  for (int i = 0; i < 50; ++i) glitches.add(H2Glitches::kWhole, 1000);
  EXPECT_EQ(glitches.count(), 250u);
  glitches.add(0, 1000 + H2Glitches::kForgiveMs);
  EXPECT_EQ(glitches.count(), 245u);
  glitches.add(0, 1'000'000);
  EXPECT_EQ(glitches.count(), 0u) << "never below nothing";
}

TEST(H2Glitches, WhatIsSlowIsNeverTooMuch) {
  H2Glitches glitches(100);
  for (std::int64_t now = 1000; now < 1'000'000; now += H2Glitches::kForgiveMs)
    ASSERT_EQ(glitches.add(H2Glitches::kWhole, now), Verdict::fine) << now;
}

TEST(H2Glitches, TwiceAsFastIsTooMuchInTheEnd) {
  H2Glitches glitches(100);
  std::int64_t now = 1000;
  Verdict verdict = Verdict::fine;
  for (int i = 0; i < 1000 && verdict != Verdict::kill; ++i) verdict = glitches.add(H2Glitches::kWhole, now += 50);
  EXPECT_EQ(verdict, Verdict::kill);
  EXPECT_NEAR(static_cast<double>(now), 11'000, 200);
}

// Steps that are shorter than the forgiveness of one fifth must add up, not be lost one by one.
TEST(H2Glitches, ForgivesWhatShortStepsAddUpTo) {
  H2Glitches glitches(100);
  for (int i = 0; i < 40; ++i) glitches.add(H2Glitches::kWhole, 1000);
  for (std::int64_t now = 1000; now <= 2000; now += 3) glitches.add(0, now);
  EXPECT_LE(glitches.count(), 155u);
}

}  // namespace
}  // namespace postern::wire
