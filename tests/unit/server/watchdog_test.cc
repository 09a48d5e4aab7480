// Who stands still, over a time that the test makes up.
#include "server/watchdog.h"

#include <gtest/gtest.h>

#include <array>

namespace postern::server {
namespace {

constexpr std::int64_t kStuckAfter = 5'000;

TEST(Watchdog, FindsTheCoreThatStandsStill) {
  Watchdog watchdog(2);
  std::size_t found = 0;
  std::int64_t when = 0;
  for (std::int64_t now = 100'000; now < 112'000; now += 250) {
    const std::array<std::int64_t, 2> beats{now - 100, std::min<std::int64_t>(now, 102'000)};
    for (const Watchdog::Change& change : watchdog.look(now, beats, kStuckAfter)) {
      ++found;
      when = now;
      EXPECT_TRUE(change.stuck);
      EXPECT_EQ(change.core, 1u);
    }
  }
  EXPECT_EQ(found, 1u) << "once";
  EXPECT_EQ(when, 107'000);
  EXPECT_EQ(watchdog.stuck(), 1u);
  const std::array<std::int64_t, 2> runs{112'000, 111'900};
  const auto changes = watchdog.look(112'000, runs, kStuckAfter);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(changes[0].stuck);
  EXPECT_EQ(watchdog.stuck(), 0u);
}

TEST(Watchdog, BlamesNobodyWhenTheWholeProcessWasStopped) {
  Watchdog watchdog(1);
  const std::array<std::int64_t, 1> beat{100'000};
  EXPECT_TRUE(watchdog.look(100'100, beat, kStuckAfter).empty());
  EXPECT_TRUE(watchdog.look(160'000, beat, kStuckAfter).empty()) << "we were late ourselves";
  for (std::int64_t now = 160'250; now < 164'900; now += 250)
    EXPECT_TRUE(watchdog.look(now, beat, kStuckAfter).empty());
  std::size_t found = 0;
  for (std::int64_t now = 165'000; now < 166'000; now += 250) found += watchdog.look(now, beat, kStuckAfter).size();
  EXPECT_EQ(found, 1u) << "but it has only its time, not for ever";
}

TEST(Watchdog, NoticesACoreThatNeverBegan) {
  Watchdog watchdog(1);
  const std::array<std::int64_t, 1> never{0};
  std::size_t found = 0;
  for (std::int64_t now = 100'000; now < 106'000; now += 250) found += watchdog.look(now, never, kStuckAfter).size();
  EXPECT_EQ(found, 1u);
}

TEST(Watchdog, CanBeSwitchedOff) {
  Watchdog watchdog(1);
  const std::array<std::int64_t, 1> beat{100'000};
  for (std::int64_t now = 100'000; now < 200'000; now += 1000) EXPECT_TRUE(watchdog.look(now, beat, 0).empty());
  EXPECT_GT(watchdog.longest_ms(), 90'000);
}

}  // namespace
}  // namespace postern::server
