// HTTP dates against the platform's calendar.
#include "http/date.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>

namespace postern::http {
namespace {

std::string date(std::int64_t seconds) {
  std::string out(kDateSize, '?');
  write_date(out.data(), seconds);
  return out;
}

TEST(Date, WritesTheExampleOfTheRfc) { EXPECT_EQ(date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT"); }

TEST(Date, AgreesWithTheCalendar) {
  for (std::int64_t t = -3000000000; t < 9000000000; t += 12345678) {
    const std::time_t time = t;
    std::tm parts{};
    gmtime_r(&time, &parts);
    char expected[64];
    std::strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    EXPECT_EQ(date(t), expected);
    EXPECT_EQ(parse_date(date(t)), t);
  }
  EXPECT_EQ(date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(date(INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(date(INT64_MIN), "Mon, 01 Jan 0001 00:00:00 GMT");
}

TEST(Date, ReadsTheOldForms) {
  EXPECT_EQ(parse_date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_date("Wednesday, 02-Jan-70 00:00:00 GMT"), 86400);
  EXPECT_EQ(parse_date("Sun Nov  6 08:49:37 1994"), 784111777);
  EXPECT_EQ(parse_date("Sun Nov 16 08:49:37 1994"), 784111777 + 10 * 86400);
}

TEST(Date, RefusesNonsense) {
  for (const char* bad :
       {"", "x", "Sun", "Sun,", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun Nov  6 08:49:37 94", "Sunday, 06-Nov-1994 08:49:37 GMT"}) {
    EXPECT_FALSE(parse_date(bad)) << bad;
  }
}

}  // namespace
}  // namespace postern::http
