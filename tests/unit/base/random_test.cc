// Repeatable from a seed, different without one.
#include "base/random.h"

#include <gtest/gtest.h>

#include <set>

namespace postern {
namespace {

TEST(Random, ASeedRepeats) {
  Random a(1), b(1), c(2);
  int same = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = a.next();
    EXPECT_EQ(value, b.next());
    same += value == c.next();
  }
  EXPECT_EQ(same, 0);
}

TEST(Random, ZeroIsASeedLikeAnyOther) {
  Random random(0);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(random.next());
  EXPECT_EQ(seen.size(), 1'000u);
}

TEST(Random, TheKernelSeedsEachDifferently) {
  Random a, b;
  EXPECT_NE(a.next(), b.next());
}

TEST(Random, BitsAreBalanced) {
  Random random(7);
  int ones = 0;
  for (int i = 0; i < 10'000; ++i) ones += __builtin_popcountll(random.next());
  EXPECT_NEAR(ones, 320'000, 3'000);
}

}  // namespace
}  // namespace postern
