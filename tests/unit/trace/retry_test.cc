// When spans are sent again.
#include "trace/retry.h"

#include <gtest/gtest.h>

namespace postern::trace {
namespace {

TEST(TraceRetry, OnlyWhatMayPass) {
  for (const unsigned status : {429u, 502u, 503u, 504u}) EXPECT_TRUE(may_resend(status));
  for (const unsigned status : {200u, 400u, 401u, 404u, 408u, 413u, 500u, 501u}) EXPECT_FALSE(may_resend(status));
}

TEST(TraceRetry, PausesDouble) {
  EXPECT_EQ(pause_ms(1, 0), 250);
  EXPECT_EQ(pause_ms(1, 250), 500);
  EXPECT_EQ(pause_ms(2, 0), 500);
  EXPECT_EQ(pause_ms(5, 0), 4'000);
  EXPECT_EQ(pause_ms(60, 0), 30'000);
  for (std::uint64_t random = 0; random < 5'000; ++random) {
    EXPECT_GE(pause_ms(3, random), 1'000);
    EXPECT_LE(pause_ms(3, random), 2'000);
  }
}

TEST(TraceRetry, ReadsRetryAfter) {
  constexpr std::int64_t kNow = 1'700'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT
  EXPECT_EQ(retry_after_ms("3", kNow), 3'000);
  EXPECT_EQ(retry_after_ms("0", kNow), 0);
  EXPECT_EQ(retry_after_ms("999999999999999999999999", kNow), kLongestPauseMs);
  EXPECT_EQ(retry_after_ms("Tue, 14 Nov 2023 22:13:25 GMT", kNow), 5'000);
  EXPECT_EQ(retry_after_ms("Tue, 14 Nov 2023 22:13:00 GMT", kNow), 0);
  EXPECT_EQ(retry_after_ms("Tue, 14 Nov 2033 22:13:00 GMT", kNow), kLongestPauseMs);
  for (const char* bad : {"", "soon", "-1", "1.5", "Tue, 14 Nov 2023 22:13:25 GMT trailing"}) {
    EXPECT_FALSE(retry_after_ms(bad, kNow)) << bad;
  }
}

}  // namespace
}  // namespace postern::trace
