#include "http/deadline.h"

#include <gtest/gtest.h>

namespace postern::http {
namespace {

std::int64_t ms(std::string_view text) {
  const auto parsed = parse_deadline(text);
  return parsed ? parsed->count() : -1;
}

TEST(Deadline, ReadsSecondsAndUnits) {
  EXPECT_EQ(ms("5"), 5000);
  EXPECT_EQ(ms("1.5"), 1500);
  EXPECT_EQ(ms("1.25s"), 1250);
  EXPECT_EQ(ms("0.007"), 7);
  EXPECT_EQ(ms("250ms"), 250);
  EXPECT_EQ(ms("2m"), 120'000);
  EXPECT_EQ(ms("0.5m"), 30'000);
}

TEST(Deadline, NothingIsNoLimit) {
  EXPECT_EQ(ms("0"), 1);
  EXPECT_EQ(ms("0ms"), 1);
  EXPECT_EQ(ms("999999999m"), kMaxDeadline.count());
}

TEST(Deadline, RefusesWhatCouldBeReadDifferently) {
  for (const std::string_view text : {"", " 5", "5 ", "-1", "+1", ".5", "5.", "1.2345", "1e3", "0x10", "5h", "5S",
                                      "1.5ms", "1234567890", "5,5", "ms", "5s5", "1..2", "1.s"})
    EXPECT_EQ(ms(text), -1) << text;
}

}  // namespace
}  // namespace postern::http
