// The tables that turn an Error into an answer, a metric and a reason.
#include "proxy/failure.h"

#include <gtest/gtest.h>

#include <vector>

namespace postern::proxy {
namespace {

using metrics::Reason;
using metrics::UpstreamError;

constexpr BodyFailure kNone{};

TEST(FailureReply, OfTheUpstream) {
  struct Case {
    Code code;
    Retry retry;
    int status;
    Reason reason;
  };
  const std::vector<Case> cases = {
      {Code::refused, Retry::always, 502, Reason::connect_refused},
      {Code::timeout, Retry::always, 504, Reason::connect_timeout},
      {Code::timeout, Retry::never, 504, Reason::response_timeout},
      {Code::unreachable, Retry::always, 502, Reason::connect_failed},
      {Code::unreachable, Retry::never, 503, Reason::no_endpoint},
      {Code::exhausted, Retry::always, 503, Reason::overload},
      {Code::tls, Retry::always, 502, Reason::upstream_tls},
      {Code::malformed, Retry::never, 502, Reason::upstream_malformed},
      {Code::too_large, Retry::never, 502, Reason::upstream_malformed},
      {Code::not_implemented, Retry::never, 501, Reason::not_implemented},
      {Code::closed, Retry::never, 502, Reason::upstream_closed},
      {Code::reset, Retry::if_reused, 502, Reason::upstream_closed},
  };
  for (const Case& c : cases) {
    const Reply reply = failure_reply(Error{c.code, Side::upstream, c.retry}, kNone);
    EXPECT_EQ(reply.status, c.status) << to_string(c.code);
    EXPECT_EQ(reply.reason, c.reason) << to_string(c.code);
    EXPECT_FALSE(reply.detail.empty());
  }
}

TEST(FailureReply, OfTheClient) {
  const auto reply = [](Code code, BodyFailure body = {}) {
    return failure_reply(Error{code, Side::downstream, Retry::never}, body);
  };
  EXPECT_EQ(reply(Code::reset).status, 0);  // nobody is there
  EXPECT_EQ(reply(Code::cancelled).reason, Reason::client_closed);
  EXPECT_EQ(reply(Code::timeout).status, 408);
  EXPECT_EQ(reply(Code::timeout).reason, Reason::body_timeout);
  EXPECT_EQ(reply(Code::too_large, {413, "body over the limit"}).status, 413);
  EXPECT_EQ(reply(Code::too_large, {413, "body over the limit"}).reason, Reason::body_too_large);
  EXPECT_EQ(reply(Code::malformed, {400, "bad chunk size"}).reason, Reason::bad_chunk);
  EXPECT_EQ(reply(Code::malformed, {431, "trailers too large"}).status, 431);
  EXPECT_EQ(reply(Code::closed, {400, "connection ended within the body"}).reason, Reason::truncated_body);
  EXPECT_EQ(reply(Code::malformed).status, 400);
}

TEST(RelayReason, SaysWhoBrokeIt) {
  EXPECT_EQ(relay_reason({Code::timeout, Side::downstream, Retry::never}), Reason::write_timeout);
  EXPECT_EQ(relay_reason({Code::reset, Side::downstream, Retry::never}), Reason::client_closed);
  EXPECT_EQ(relay_reason({Code::timeout, Side::upstream, Retry::never}), Reason::response_timeout);
  EXPECT_EQ(relay_reason({Code::closed, Side::upstream, Retry::never}), Reason::upstream_truncated);
}

TEST(UpstreamErrors, AreToldApart) {
  const auto of = [](Code code, Retry retry, bool reused, bool answered) {
    return upstream_error({code, Side::upstream, retry}, reused, answered);
  };
  EXPECT_EQ(of(Code::refused, Retry::always, false, false), UpstreamError::connect_refused);
  EXPECT_EQ(of(Code::timeout, Retry::always, false, false), UpstreamError::connect_timeout);
  EXPECT_EQ(of(Code::timeout, Retry::never, false, false), UpstreamError::response_timeout);
  EXPECT_EQ(of(Code::timeout, Retry::never, false, true), UpstreamError::idle_timeout);
  EXPECT_EQ(of(Code::unreachable, Retry::always, false, false), UpstreamError::connect_failed);
  EXPECT_EQ(of(Code::exhausted, Retry::always, false, false), UpstreamError::connect_failed);
  EXPECT_EQ(of(Code::tls, Retry::always, false, false), UpstreamError::tls);
  EXPECT_EQ(of(Code::malformed, Retry::never, false, false), UpstreamError::malformed);
  EXPECT_EQ(of(Code::closed, Retry::if_reused, true, false), UpstreamError::stale);
  EXPECT_EQ(of(Code::closed, Retry::never, false, false), UpstreamError::closed);
  EXPECT_EQ(of(Code::closed, Retry::if_reused, true, true), UpstreamError::truncated);
}

}  // namespace
}  // namespace postern::proxy
