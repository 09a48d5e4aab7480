// grpc-timeout: units, rounding, bounds, and what is none.
#include "grpc/timeout.h"

#include <gtest/gtest.h>

namespace postern::grpc {
namespace {

using std::chrono::milliseconds;

TEST(GrpcTimeout, UnitsAreRoundedUpToMilliseconds) {
  struct Row {
    const char* text;
    std::int64_t ms;
  };
  for (const Row& row : {Row{"1H", 3'600'000}, Row{"2M", 120'000}, Row{"3S", 3'000}, Row{"250m", 250}, Row{"1000u", 1},
                         Row{"1001u", 2}, Row{"1u", 1}, Row{"1n", 1}, Row{"99999999n", 100}, Row{"1000000n", 1},
                         Row{"00000001S", 1'000}, Row{"99999999m", 99'999'999}, Row{"0m", 0}, Row{"0n", 0}}) {
    const auto parsed = parse_timeout(row.text);
    ASSERT_TRUE(parsed) << row.text;
    EXPECT_EQ(parsed->count(), row.ms) << row.text;
  }
}

TEST(GrpcTimeout, VeryLongOnesAreAYear) {
  for (const char* text : {"99999999H", "99999999M", "99999999S", "8761H"})
    EXPECT_EQ(*parse_timeout(text), kMaxTimeout) << text;
  EXPECT_EQ(*parse_timeout("8760H"), kMaxTimeout);
  EXPECT_LT(*parse_timeout("8759H"), kMaxTimeout);
}

TEST(GrpcTimeout, BadInputs) {
  for (const char* text :
       {"",    "S",   "1",    "10",   "123456789S", "1s", "1h",   "1ms",  "1 S",  " 1S",       "1S ",
        "-1S", "+1S", "1.5S", "0x1S", "1S1S",       "SS", "1,2S", "1\tS", "1e3m", "\xd9\xa1S", "99999999999999999999H"})
    EXPECT_FALSE(parse_timeout(text)) << text;
  EXPECT_FALSE(parse_timeout(std::string_view("1\0S", 3)));
  EXPECT_EQ(parse_timeout("x").error().side, Side::downstream);
}

}  // namespace
}  // namespace postern::grpc
