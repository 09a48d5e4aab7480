// Which requests a sampled log keeps.
#include "accesslog/sample.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::accesslog {
namespace {

/// Of 100,000 ids that differ in their end only.
int kept(double share) {
  const std::uint64_t below = keep_below(share);
  int count = 0;
  for (int i = 0; i < 100'000; ++i) count += keeps("0123456789abcdef" + std::to_string(i), below) ? 1 : 0;
  return count;
}

TEST(Sample, KeepsTheShare) {
  EXPECT_EQ(kept(0), 0);
  EXPECT_EQ(kept(1), 100'000);
  EXPECT_NEAR(kept(0.01), 1000, 150);
  EXPECT_NEAR(kept(0.5), 50'000, 800);
  EXPECT_NEAR(kept(0.999), 99'900, 60);
}

TEST(Sample, TheSameIdIsTheSameDecision) {
  const std::uint64_t tenth = keep_below(0.1), half = keep_below(0.5);
  for (int i = 0; i < 1000; ++i) {
    const std::string id = std::to_string(i);
    EXPECT_EQ(keeps(id, tenth), keeps(id, tenth));
    if (keeps(id, tenth)) {
      EXPECT_TRUE(keeps(id, half)) << "a larger share keeps what a smaller one does";
    }
  }
}

}  // namespace
}  // namespace postern::accesslog
