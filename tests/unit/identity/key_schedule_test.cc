// When keys are fetched, by a clock that the test moves.
#include "identity/key_schedule.h"

#include <gtest/gtest.h>

namespace postern::identity {
namespace {

constexpr std::int64_t kStart = 1'000'000, kSecond = 1'000, kHour = 3'600'000;

TEST(KeySchedule, FetchesAheadOfTheEnd) {
  KeySchedule schedule(kStart, kHour);
  EXPECT_TRUE(schedule.is_due(kStart));
  EXPECT_FALSE(schedule.is_spent(kStart));
  schedule.on_good(kStart, std::nullopt, 0);
  EXPECT_EQ(schedule.due_ms(), kStart + 480 * kSecond);  // 80 % of ten minutes
  schedule.on_good(kStart, std::nullopt, 0.999);
  EXPECT_GT(schedule.due_ms(), kStart + 420 * kSecond);
  EXPECT_LT(schedule.due_ms(), kStart + 421 * kSecond);
}

TEST(KeySchedule, TakesWhatTheServerSaysWithinBounds) {
  KeySchedule schedule(kStart, 0);
  const auto life_of = [&](std::int64_t max_age) {
    schedule.on_good(kStart, max_age, 0);
    return (schedule.spent_ms() - kStart) / kSecond;
  };
  EXPECT_EQ(life_of(0), 60);
  EXPECT_EQ(life_of(59), 60);
  EXPECT_EQ(life_of(3600), 3600);
  EXPECT_EQ(life_of(10 * 86400), 86400);
  EXPECT_EQ(life_of(365 * 86400), 86400);
}

TEST(KeySchedule, TriesAgainSoonerAndThenLessOften) {
  KeySchedule schedule(kStart, kHour);
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60, 60}) {
    schedule.on_bad(kStart, 0);
    EXPECT_EQ(schedule.due_ms(), kStart + seconds * kSecond);
  }
  for (int i = 0; i < 100; ++i) schedule.on_bad(kStart, 0);
  EXPECT_EQ(schedule.due_ms(), kStart + 60 * kSecond);
  schedule.on_good(kStart, std::nullopt, 0);
  schedule.on_bad(kStart, 0);
  EXPECT_EQ(schedule.due_ms(), kStart + kSecond);
}

TEST(KeySchedule, KeysOutliveAnIssuerThatIsDownButNotForEver) {
  KeySchedule schedule(kStart, kHour);
  schedule.on_good(kStart, std::nullopt, 0);
  std::int64_t now = schedule.due_ms();
  for (; now < kStart + 600 * kSecond + kHour; now = schedule.due_ms()) {
    EXPECT_FALSE(schedule.is_spent(now));
    schedule.on_bad(now, 0.5);
  }
  EXPECT_TRUE(schedule.is_spent(now));
  schedule.on_good(now, std::nullopt, 0);
  EXPECT_FALSE(schedule.is_spent(now));
}

TEST(KeySchedule, UnknownKeysForceOneFetchPerWindow) {  // T66
  KeySchedule schedule(kStart, kHour);
  schedule.on_good(kStart, std::nullopt, 0);
  const std::int64_t later = kStart + kSecond;
  EXPECT_TRUE(schedule.ask(later, "a"));
  EXPECT_TRUE(schedule.is_due(later));
  int fetches = 0;
  for (int i = 0; i < 10'000; ++i) fetches += schedule.ask(later + i, "k" + std::to_string(i)) ? 1 : 0;
  EXPECT_EQ(fetches, 0);
  schedule.on_good(later, std::nullopt, 0);
  EXPECT_FALSE(schedule.ask(later + 29'999, "b"));
  EXPECT_EQ(schedule.due_ms(), later + 30'000);  // but the next one comes as soon as it may
  EXPECT_TRUE(schedule.ask(later + 30'000, "b"));
}

TEST(KeySchedule, FailedAttemptsCountToo) {
  KeySchedule schedule(kStart, kHour);
  EXPECT_TRUE(schedule.ask(kStart, "a"));
  schedule.on_bad(kStart, 0);
  EXPECT_FALSE(schedule.ask(kStart + 29'999, "a"));
  EXPECT_TRUE(schedule.ask(kStart + 30'000, "a"));
}

TEST(KeySchedule, AbsentKeysAreRemembered) {
  KeySchedule schedule(kStart, kHour);
  EXPECT_TRUE(schedule.ask(kStart, "a"));
  schedule.on_good(kStart, std::nullopt, 0);
  schedule.note_absent(kStart, "a");
  EXPECT_FALSE(schedule.ask(kStart + 31 * kSecond, "a"));
  EXPECT_EQ(schedule.due_ms(), kStart + 480 * kSecond);
  EXPECT_TRUE(schedule.ask(kStart + 31 * kSecond, "b"));
  EXPECT_TRUE(schedule.ask(kStart + 62 * kSecond, "a"));
  for (int i = 0; i < 100'000; ++i)
    schedule.note_absent(kStart, std::to_string(i));  // bounded; the test is that it ends
}

TEST(KeySchedule, ReadsCacheControl) {
  EXPECT_EQ(max_age_of(""), std::nullopt);
  EXPECT_EQ(max_age_of("public"), std::nullopt);
  EXPECT_EQ(max_age_of("max-age=300"), 300);
  EXPECT_EQ(max_age_of("public, Max-Age = 300 , must-revalidate"), 300);
  EXPECT_EQ(max_age_of("max-age=\"300\""), 300);
  EXPECT_EQ(max_age_of("max-age=300, max-age=5"), 5);
  EXPECT_EQ(max_age_of("no-store, max-age=300"), 0);
  EXPECT_EQ(max_age_of("max-age=300,NO-CACHE"), 0);
  EXPECT_EQ(max_age_of("max-age=99999999999999999999999"), 365 * 86400);
  for (const char* bad : {"max-age=", "max-age=-1", "max-age=1x", "max-age=x", "s-maxage=5", ",,,", "=", "max-age"}) {
    EXPECT_EQ(max_age_of(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace postern::identity
