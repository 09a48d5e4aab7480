#include "proxy/retry_policy.h"

#include <gtest/gtest.h>

namespace postern::proxy {
namespace {

using config::RetryOn;

constexpr Error upstream(Code code, Retry retry = Retry::never) { return {code, Side::upstream, retry}; }

RetryOn cause(Error error, bool connected = true, bool answered = false, bool refused = false) {
  const auto end = end_of(error, connected, answered, refused);
  return end ? end->cause : RetryOn::count_;
}

TEST(RetryPolicy, TellsFailuresApart) {
  EXPECT_EQ(cause(upstream(Code::refused, Retry::always), false), RetryOn::connect);
  EXPECT_EQ(cause(upstream(Code::timeout, Retry::always), false), RetryOn::connect);
  EXPECT_EQ(cause(upstream(Code::closed, Retry::always)), RetryOn::refused_stream);
  EXPECT_EQ(cause(upstream(Code::closed, Retry::if_reused)), RetryOn::stale);
  EXPECT_EQ(cause(upstream(Code::reset)), RetryOn::reset);
  EXPECT_EQ(cause(upstream(Code::timeout)), RetryOn::timeout);
}

TEST(RetryPolicy, NothingFollowsAByteOfAnAnswer) {
  for (const Retry retry : {Retry::never, Retry::if_reused, Retry::always})
    EXPECT_EQ(cause(upstream(Code::reset, retry), true, true), RetryOn::count_);
}

TEST(RetryPolicy, NothingFollowsWhatIsNotTheUpstreamsFailure) {
  EXPECT_EQ(cause({Code::reset, Side::downstream, Retry::never}), RetryOn::count_);
  EXPECT_EQ(cause({Code::cancelled, Side::self, Retry::never}), RetryOn::count_);
  EXPECT_EQ(cause(upstream(Code::malformed)), RetryOn::count_);
  EXPECT_EQ(cause(upstream(Code::not_implemented)), RetryOn::count_);
}

TEST(RetryPolicy, OnlyWhatSurelyReachedNobodyNeedsNoPermission) {
  route::RetryRules rules;
  const auto allowed = [&](Error error, bool connected, bool repeatable) {
    return is_allowed(rules, *end_of(error, connected, false, false), repeatable);
  };
  EXPECT_TRUE(allowed(upstream(Code::refused, Retry::always), false, false));
  EXPECT_TRUE(allowed(upstream(Code::closed, Retry::always), true, false));
  EXPECT_FALSE(allowed(upstream(Code::closed, Retry::if_reused), true, false));
  EXPECT_TRUE(allowed(upstream(Code::closed, Retry::if_reused), true, true));
  EXPECT_FALSE(allowed(upstream(Code::reset), true, true));  // not listed
  EXPECT_FALSE(allowed(upstream(Code::timeout), true, true));
  rules.on = bit_of(RetryOn::reset);
  EXPECT_TRUE(allowed(upstream(Code::reset), true, true));
  EXPECT_TRUE(allowed(upstream(Code::closed, Retry::if_reused), true, true));  // is a reset, too
  EXPECT_FALSE(allowed(upstream(Code::reset), true, false));
  EXPECT_FALSE(allowed(upstream(Code::refused, Retry::always), false, true));
}

TEST(RetryPolicy, AnotherEndpointIsFreeWhereNobodyWasAsked) {
  EXPECT_TRUE(end_of(upstream(Code::refused, Retry::always), false, false, false)->elsewhere);
  EXPECT_FALSE(end_of(upstream(Code::timeout, Retry::always), false, false, false)->elsewhere);
  EXPECT_TRUE(end_of(upstream(Code::closed, Retry::always), true, false, false)->elsewhere);  // GOAWAY
  EXPECT_FALSE(end_of(upstream(Code::closed, Retry::always), true, false, true)->elsewhere);  // REFUSED_STREAM
}

TEST(RetryPolicy, Answers) {
  http::ResponseHead head;
  for (const auto& [status, expected] : {std::pair{429, RetryOn::status_429},
                                         {500, RetryOn::status_500},
                                         {502, RetryOn::status_502},
                                         {503, RetryOn::status_503},
                                         {504, RetryOn::status_504}}) {
    head.status = static_cast<std::uint16_t>(status);
    EXPECT_EQ(end_of(head, false)->cause, expected);
    EXPECT_FALSE(end_of(head, false)->untouched);
  }
  for (const std::uint16_t status : {200, 301, 404, 501, 505}) {
    head.status = status;
    EXPECT_FALSE(end_of(head, false));
  }
  head.status = 200;
  head.fields.add("grpc-status", "14");
  EXPECT_FALSE(end_of(head, false));
  EXPECT_EQ(end_of(head, true)->cause, RetryOn::unavailable);
}

TEST(RetryPolicy, RetryAfter) {
  const auto parsed = [](std::string_view text) {
    http::Fields fields;
    fields.add("Retry-After", text);
    return *retry_after_ms(fields);
  };
  EXPECT_FALSE(retry_after_ms(http::Fields()));
  EXPECT_EQ(parsed("0"), 0);
  EXPECT_EQ(parsed("2"), 2000);
  EXPECT_EQ(parsed("120"), 120'000);
  EXPECT_EQ(parsed("Wed, 21 Oct 2015 07:28:00 GMT"), -1);
  EXPECT_EQ(parsed("99999999999999999999"), -1);
  EXPECT_EQ(parsed("-1"), -1);
  EXPECT_EQ(parsed(""), -1);
}

TEST(RetryPolicy, BackoffDoublesAndIsRandom) {
  route::RetryRules rules;
  rules.backoff = std::chrono::milliseconds(25);
  std::int64_t most = 0;
  for (std::uint64_t random = 0; random < 1000; ++random) {
    EXPECT_LE(backoff_ms(rules, 1, random), 25);
    most = std::max(most, backoff_ms(rules, 3, random));
  }
  EXPECT_EQ(most, 100);
  EXPECT_LE(backoff_ms(rules, 60, ~std::uint64_t{0}), 10'000);
  rules.backoff = std::chrono::milliseconds(0);
  EXPECT_EQ(backoff_ms(rules, 1, 77), 0);
}

}  // namespace
}  // namespace postern::proxy
