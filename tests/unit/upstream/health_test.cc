// When results in a row change what an endpoint is taken for.
#include "upstream/health.h"

#include <gtest/gtest.h>

namespace postern::upstream {
namespace {

/// '+' passed, '-' failed; the answer has 'H' or 'u' behind each.
std::string after(EndpointHealth health, std::string_view results) {
  std::string states;
  for (const char result : results) {
    const bool before = health.is_healthy();
    const bool changed = health.record(result == '+');
    EXPECT_EQ(changed, before != health.is_healthy());
    states += health.is_healthy() ? 'H' : 'u';
  }
  return states;
}

TEST(EndpointHealth, ChangesBehindEnoughInARow) {
  EXPECT_TRUE(EndpointHealth().is_healthy());
  EXPECT_EQ(after(EndpointHealth({3, 2}), "---++"), "HHuuH");
  EXPECT_EQ(after(EndpointHealth({3, 2}), "--+--+---"), "HHHHHHHHu");
  EXPECT_EQ(after(EndpointHealth({3, 2}), "---+-+-++"), "HHuuuuuuH");
  EXPECT_EQ(after(EndpointHealth({1, 1}), "-+-+"), "uHuH");
  EXPECT_EQ(after(EndpointHealth({3, 2}), "---++--"), "HHuuHHH");
}

TEST(EndpointHealth, ForgetsOnReset) {
  EndpointHealth health({2, 2});
  health.record(false);
  health.reset();
  health.record(false);
  EXPECT_TRUE(health.is_healthy());
  health.record(false);
  EXPECT_FALSE(health.is_healthy());
  health.reset();
  EXPECT_TRUE(health.is_healthy());
}

}  // namespace
}  // namespace postern::upstream
