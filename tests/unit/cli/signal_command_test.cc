// What `postern signal reload` reads out of /metrics.
#include "cli/signal_command.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

TEST(SignalCommand, CountsReloadsFromTheMetrics) {
  const auto counts = parse_reload_counts(
      "# HELP x postern_config_reloads_total{result=\"ok\"} 9\n"
      "postern_config_reloads_total{result=\"ok\"} 3\npostern_config_reloads_total{result=\"failed\"} 1\n");
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->ok, 3);
  EXPECT_EQ(counts->failed, 1);
}

TEST(SignalCommand, KnowsWhenTheyAreNotThere) {
  EXPECT_FALSE(parse_reload_counts(""));
  EXPECT_FALSE(parse_reload_counts("postern_config_reloads_total{result=\"ok\"} 3\n"));
  EXPECT_FALSE(parse_reload_counts("postern_config_reloads_total{result=\"ok\"} x\n"));
}

}  // namespace
}  // namespace postern::cli
