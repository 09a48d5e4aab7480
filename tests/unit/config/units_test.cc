// Sizes, durations, and the nearest word.
#include "config/units.h"

#include <gtest/gtest.h>

#include <array>

#include "config/nearest.h"

namespace postern::config {
namespace {

TEST(ConfigUnits, ReadsSizes) {
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("17"), 17u);
  EXPECT_EQ(parse_size("17B"), 17u);
  EXPECT_EQ(parse_size("64KiB"), 65536u);
  EXPECT_EQ(parse_size("2TiB"), 2ull << 40);
  for (const std::string_view bad : {"", "KiB", "-1", "+1", "1 KiB", "1KB", "1kib", "1.5MiB", "0x10",
                                     "99999999999999999999", "16777216TiB", "1B "}) {
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
  }
}

TEST(ConfigUnits, ReadsDurations) {
  EXPECT_EQ(parse_duration("0s"), 0u);
  EXPECT_EQ(parse_duration("500ms"), 500u);
  EXPECT_EQ(parse_duration("5m"), 300'000u);
  EXPECT_EQ(parse_duration("7d"), 604'800'000u);
  for (const std::string_view bad : {"", "0", "10", "s", "-1s", "1 s", "1sec", "1m30s", "1.5s", "99999999999999999s"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

TEST(ConfigUnits, WritesWhatItReads) {
  for (const std::uint64_t n :
       {0ull, 1ull, 1000ull, 1024ull, 1536ull, 60'000ull, 90'000ull, 1ull << 30, 86'400'000ull}) {
    EXPECT_EQ(parse_size(format_size(n)), n);
    EXPECT_EQ(parse_duration(format_duration(n)), n);
  }
  EXPECT_EQ(format_size(65536), "64KiB");
  EXPECT_EQ(format_duration(300'000), "300s");
  EXPECT_EQ(format_duration(43'200'000), "12h");
  EXPECT_EQ(format_duration(1500), "1500ms");
}

TEST(ConfigNearest, FindsTypingSlips) {
  constexpr std::array<std::string_view, 4> kWords{"address", "backlog", "name", "forward"};
  EXPECT_EQ(nearest("adress", kWords), "address");
  EXPECT_EQ(nearest("nmae", kWords), "name");
  EXPECT_EQ(nearest("Backlog", kWords), "backlog");
  EXPECT_EQ(nearest("forwards_to", kWords), "");
  EXPECT_EQ(nearest("x", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest(std::string(1 << 20, 'a'), kWords), "");
  EXPECT_EQ(edit_distance("ab", "ba"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
}

}  // namespace
}  // namespace postern::config
