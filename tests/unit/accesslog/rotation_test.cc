// Names, periods and retention, by times that the test chooses.
#include "accesslog/rotation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace postern::accesslog {
namespace {

using config::Rotate;

/// Local time as the test wants it, for its duration.
class Zone {
 public:
  explicit Zone(const char* name) {
    if (const char* before = std::getenv("TZ")) before_ = before;
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  ~Zone() {
    if (before_.empty()) {
      ::unsetenv("TZ");
    } else {
      ::setenv("TZ", before_.c_str(), 1);
    }
    ::tzset();
  }

 private:
  std::string before_;
};

constexpr std::time_t kNoon = 1'795'176'000;  // 2026-11-20T12:00:00Z

std::vector<std::string> texts(const std::vector<ArchiveName>& names) {
  std::vector<std::string> out;
  for (const ArchiveName& name : names) out.push_back(name.text());
  return out;
}

std::vector<ArchiveName> names(const std::vector<const char*>& texts) {
  std::vector<ArchiveName> out;
  for (const char* text : texts) out.push_back(parse_archive_name(text).value());
  return out;
}

TEST(Rotation, DaysAreLocal) {
  {
    const Zone zone("UTC0");
    EXPECT_EQ(period_of(Rotate::daily, kNoon).stamp, "2026-11-20");
    EXPECT_EQ(period_of(Rotate::daily, kNoon).ends, kNoon + 12 * 3600);
    EXPECT_EQ(period_of(Rotate::never, kNoon).stamp, "2026-11-20");
  }
  const Zone zone("XXX-14");  // fourteen hours ahead: tomorrow already
  EXPECT_EQ(period_of(Rotate::daily, kNoon).stamp, "2026-11-21");
  EXPECT_EQ(period_of(Rotate::daily, kNoon).ends, kNoon + 22 * 3600);
}

TEST(Rotation, HoursAreLocalEvenWhereTheyBeginAtHalfPast) {
  const Zone zone("XXX-5:30");
  const Period period = period_of(Rotate::hourly, kNoon + 61);
  EXPECT_EQ(period.stamp, "2026-11-20-17");
  EXPECT_EQ(period.ends, kNoon + 1800);
}

TEST(Rotation, DaysOfSummerTimeAreLongerAndShorter) {
  const Zone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  const std::time_t march = 1'774'738'800;  // 2026-03-29T00:00 CET, a day of 23 hours
  EXPECT_EQ(period_of(Rotate::daily, march).ends - march, 23 * 3600);
  const std::time_t october = 1'792'879'200;  // 2026-10-25T00:00 CEST, a day of 25
  EXPECT_EQ(period_of(Rotate::daily, october).ends - october, 25 * 3600);
  const Period twice = period_of(Rotate::hourly, october + 2 * 3600 + 5), again = period_of(Rotate::hourly, twice.ends);
  EXPECT_EQ(twice.stamp, "2026-10-25-02");
  EXPECT_EQ(again.stamp, "2026-10-25-02") << "two hours of one name: the second file gets a counter";
  EXPECT_EQ(again.ends, twice.ends + 3600);
}

TEST(Rotation, NamesThatWereGiven) {
  for (const char* text : {"2026-11-20", "2026-11-20.1", "2026-11-20-15", "2026-11-20-15.12.gz", "2026-11-20.zst"}) {
    const auto name = parse_archive_name(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->text(), text);
  }
}

TEST(Rotation, NamesOfOthersAreNobodysToDelete) {
  for (const char* text : {"",
                           "1",
                           "gz",
                           "old",
                           "20261120",
                           "2026-11-20.gz.tmp",
                           "2026-11-20.bak",
                           "2026-11-20.0",
                           "2026-11-20.01",
                           "2026-11-20.1.2",
                           "2026-11-20-24",
                           "2026-13-20",
                           "2026-11-32",
                           "2026-11-20 ",
                           "2026-11-20.1234567890",
                           "2026-11-20-",
                           "2026-11-20-7",
                           "2026-11-2",
                           "2026-1-20",
                           "2026-11-20.-1",
                           "2026-11-20.+1",
                           "2026-11-20.gz.1",
                           "2026-11-20.tar.gz",
                           "-026-11-20",
                           "2026-11-20x"}) {
    EXPECT_FALSE(parse_archive_name(text)) << text;
  }
}

TEST(Rotation, NextNameIsFree) {
  EXPECT_EQ(next_archive_name({}, "2026-11-20", false).text(), "2026-11-20");
  EXPECT_EQ(next_archive_name({}, "2026-11-20", true).text(), "2026-11-20.1");
  EXPECT_EQ(next_archive_name(names({"2026-11-20.gz"}), "2026-11-20", false).text(), "2026-11-20.1");
  EXPECT_EQ(next_archive_name(names({"2026-11-20.9.zst", "2026-11-20.10", "2026-11-21.99"}), "2026-11-20", true).text(),
            "2026-11-20.11");
}

TEST(Rotation, KeepsTheNewestFiles) {
  RotationPolicy policy;
  policy.keep = 2;
  const auto there = names({"2026-11-18.2.gz", "2026-11-20", "2026-11-18.10.gz", "2026-11-19", "2026-11-18.9.gz"});
  EXPECT_EQ(texts(expired(there, policy, kNoon)),
            (std::vector<std::string>{"2026-11-18.2.gz", "2026-11-18.9.gz", "2026-11-18.10.gz"}));
  policy.keep = 0;
  EXPECT_TRUE(expired(there, policy, kNoon).empty());
}

TEST(Rotation, AFileBesideItsCompressedSelfCountsOnce) {
  RotationPolicy policy;
  policy.keep = 1;
  EXPECT_TRUE(expired(names({"2026-11-20", "2026-11-20.gz"}), policy, kNoon).empty());
  EXPECT_EQ(expired(names({"2026-11-20", "2026-11-19", "2026-11-19.gz"}), policy, kNoon).size(), 2U);
}

TEST(Rotation, KeepsDays) {
  const Zone zone("UTC0");
  RotationPolicy policy;
  policy.keep_days = 7;
  EXPECT_EQ(texts(expired(names({"2026-11-13", "2026-11-12-23.gz", "2026-11-20", "2025-12-31"}), policy, kNoon)),
            (std::vector<std::string>{"2025-12-31", "2026-11-12-23.gz"}));
}

}  // namespace
}  // namespace postern::accesslog
