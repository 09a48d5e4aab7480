// What gRPC needs of the pipeline: deadlines, statuses for answers of our own, gRPC-Web calls made gRPC and back.
#include "proxy/grpc_call.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>

#include "proxy/deadline.h"
#include "proxy/heads.h"
#include "route/route.h"
#include "unit/proxy/fake_exchange.h"

namespace postern::proxy {
namespace {

using metrics::Reason;
using std::chrono::milliseconds;

class GrpcCall : public ::testing::Test {
 protected:
  RequestContext& context(std::string_view content_type, std::string_view accept = {}, std::string_view timeout = {}) {
    route_.name = "r";
    route_.path = "/*";
    route_.forward = "u";
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->listeners.resize(1);
    std::vector<route::Problem> problems;
    snapshot->routes = route::RouteTable::build(
        {route_}, {"a"}, [](std::string_view) { return std::optional<std::uint32_t>(0); }, problems);
    for (const route::Problem& problem : problems) ADD_FAILURE() << problem.key << " " << problem.message;
    auto generation = std::make_unique<Generation>();
    generation->snapshot = snapshot;
    http::RequestHead& head = exchange_.head;
    head.fields.clear();
    head.method = http::Method::post;
    head.method_token = "POST";
    head.authority = head.host = "front.example";
    head.path = "/pkg.Model/Predict";
    if (!content_type.empty()) head.fields.add("content-type", content_type);
    if (!accept.empty()) head.fields.add("accept", accept);
    if (!timeout.empty()) head.fields.add("grpc-timeout", timeout);
    rc_.emplace(exchange_, GenerationPin(generation.release()), 0);
    rc_->request_id = "0123456789abcdef";
    const route::MatchInput input{0, head.host, head.path, head.method, head.method_token, head.fields};
    rc_->generation->snapshot->routes->match(input, rc_->match);
    EXPECT_NE(rc_->match.route, nullptr);
    find_grpc(*rc_);
    return *rc_;
  }

  config::Route route_;
  test::FakeExchange exchange_;
  BufferPool buffers_;
  std::optional<RequestContext> rc_;
};

TEST_F(GrpcCall, IsFoundByItsContentType) {
  EXPECT_EQ(context("").grpc, grpc::Kind::none);
  EXPECT_EQ(context("application/json", "application/grpc-web").grpc_answer, grpc::Kind::none);
  EXPECT_EQ(context("application/grpc+proto").grpc_answer, grpc::Kind::grpc);
  const RequestContext& rc = context("application/grpc-web", "application/grpc-web-text");
  EXPECT_EQ(rc.grpc, grpc::Kind::web);
  EXPECT_EQ(rc.grpc_answer, grpc::Kind::web_text);
}

TEST_F(GrpcCall, WebCallsAreForwardedAsGrpcWhereTheRouteSaysSo) {
  EXPECT_TRUE(forwards_grpc(context("application/grpc")));
  EXPECT_FALSE(forwards_grpc(context("application/grpc-web")));
  EXPECT_FALSE(forwards_grpc(context("text/plain")));
  route_.grpc_web = true;
  EXPECT_TRUE(forwards_grpc(context("application/grpc-web")));
  EXPECT_FALSE(forwards_grpc(context("text/plain")));
}

TEST_F(GrpcCall, TheSoonerDeadlineCounts) {
  EXPECT_EQ(time_limit(context("application/grpc")).total, milliseconds(0));
  EXPECT_EQ(time_limit(context("application/grpc", {}, "2S")).total, milliseconds(2'000));
  EXPECT_EQ(time_limit(context("application/grpc-web", {}, "2S")).total, milliseconds(2'000));
  EXPECT_EQ(time_limit(context("application/grpc", {}, "0n")).total, milliseconds(1));  // at once, not never
  EXPECT_EQ(time_limit(context("application/grpc", {}, "soon")).total, milliseconds(0));
  EXPECT_EQ(time_limit(context("application/json", {}, "2S")).total, milliseconds(0));  // nobody's deadline
  route_.request_timeout = milliseconds(1'500);
  EXPECT_EQ(time_limit(context("application/grpc", {}, "2S")).total, milliseconds(1'500));
  EXPECT_EQ(time_limit(context("application/grpc", {}, "1S")).total, milliseconds(1'000));
  EXPECT_EQ(time_limit(context("application/grpc", {}, "soon")).total, milliseconds(1'500));
}

TEST_F(GrpcCall, TheRoutesDeadlineHeaderCounts) {
  route_.deadline_header = "X-Request-Timeout";
  const auto limit = [&](std::string_view header, std::string_view grpc) {
    RequestContext& rc = context("application/grpc", {}, grpc);
    if (!header.empty()) rc.request().fields.add("x-request-timeout", header);
    return time_limit(rc);
  };
  EXPECT_EQ(limit("", "").total, milliseconds(0));
  EXPECT_EQ(limit("1.5", "").total, milliseconds(1'500));
  EXPECT_EQ(limit("3", "2S").total, milliseconds(2'000));
  EXPECT_EQ(limit("300ms", "2S").total, milliseconds(300));
  EXPECT_EQ(limit("soon", "2S").total, milliseconds(2'000));
  EXPECT_TRUE(limit("300ms", "").is_clients);
  route_.request_timeout = milliseconds(1'000);
  EXPECT_EQ(limit("3", "").total, milliseconds(1'000));
  EXPECT_FALSE(limit("3", "").is_clients);
  EXPECT_EQ(limit("300ms", "").total, milliseconds(300));
}

TEST_F(GrpcCall, TheTimeLeftIsWrittenAsGrpcTimeout) {
  std::array<char, 12> space{};
  EXPECT_EQ(write_grpc_timeout(space.data(), 1), "1m");
  EXPECT_EQ(write_grpc_timeout(space.data(), 0), "1m");
  EXPECT_EQ(write_grpc_timeout(space.data(), 99'999'999), "99999999m");
  EXPECT_EQ(write_grpc_timeout(space.data(), 100'000'000), "100000S");
  EXPECT_EQ(write_grpc_timeout(space.data(), std::int64_t{1} << 50), "99999999S");
}

TEST_F(GrpcCall, TrailersAreAskedForWhateverTheRouteLists) {
  RequestContext& rc = context("application/grpc");
  ASSERT_EQ(prepare_request(rc), nullptr);
  EXPECT_TRUE(exchange_.head.accepts_trailers);
  RequestContext& other = context("text/plain");
  ASSERT_EQ(prepare_request(other), nullptr);
  EXPECT_FALSE(exchange_.head.accepts_trailers);
}

TEST(GrpcStatusOfReplies, EveryReasonHasOne) {
  struct Row {
    std::uint16_t http;
    Reason reason;
    grpc::Status status;
  };
  using enum grpc::Status;
  for (const Row& row : {
           Row{400, Reason::bad_header, internal},
           Row{400, Reason::truncated_body, internal},
           Row{404, Reason::not_found, unimplemented},
           Row{405, Reason::method_not_allowed, unimplemented},
           Row{408, Reason::body_timeout, deadline_exceeded},
           Row{413, Reason::body_too_large, resource_exhausted},
           Row{414, Reason::target_too_long, resource_exhausted},
           Row{431, Reason::headers_too_large, resource_exhausted},
           Row{421, Reason::misdirected, unavailable},
           Row{501, Reason::not_implemented, unimplemented},
           Row{502, Reason::connect_refused, unavailable},
           Row{502, Reason::connect_failed, unavailable},
           Row{502, Reason::upstream_tls, unavailable},
           Row{502, Reason::upstream_closed, unavailable},
           Row{502, Reason::upstream_malformed, internal},
           Row{503, Reason::no_endpoint, unavailable},
           Row{503, Reason::overload, unavailable},
           Row{504, Reason::connect_timeout, unavailable},
           Row{504, Reason::response_timeout, deadline_exceeded},
           Row{403, Reason::rejected_by_filter, permission_denied},
           Row{400, Reason::bad_credential, unauthenticated},
           Row{401, Reason::unauthenticated, unauthenticated},
           Row{401, Reason::invalid_credential, unauthenticated},
           Row{403, Reason::denied, permission_denied},
           Row{403, Reason::insufficient_scope, permission_denied},
           Row{429, Reason::rate_limited, resource_exhausted},
           Row{503, Reason::identity_unavailable, unavailable},
           Row{503, Reason::audit_unavailable, unavailable},
           Row{500, Reason::internal, internal},
       }) {
    EXPECT_EQ(grpc_status({.status = row.http, .reason = row.reason}, {}), row.status)
        << metrics::to_string(row.reason);
  }
  // Where the upstream said why, that counts; but not for what is our own judgement.
  EXPECT_EQ(grpc_status({.status = 502, .reason = Reason::upstream_closed}, 0x8), cancelled);
  EXPECT_EQ(grpc_status({.status = 502, .reason = Reason::upstream_closed}, 0xb), resource_exhausted);
  EXPECT_EQ(grpc_status({.status = 502, .reason = Reason::upstream_closed}, 0x0), internal);
  EXPECT_EQ(grpc_status({.status = 504, .reason = Reason::response_timeout}, 0x8), deadline_exceeded);
}

TEST_F(GrpcCall, ErrorsAreTrailersOnly) {
  std::array<char, 64> space{};
  http::ResponseHead head;
  const Reply reply{.status = 504, .reason = Reason::response_timeout, .detail = "100% late"};
  write_grpc_error(context("application/grpc"), reply, head, space);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.framing, http::Framing::none);
  EXPECT_EQ(head.fields.find("content-type"), "application/grpc");
  EXPECT_EQ(head.fields.find("grpc-status"), "4");
  EXPECT_EQ(head.fields.find("grpc-message"), "100%25 late");
  EXPECT_EQ(head.fields.find("x-request-id"), "0123456789abcdef");

  http::ResponseHead web;
  write_grpc_error(context("application/grpc-web-text"), reply, web, space);
  EXPECT_EQ(web.fields.find("content-type"), "application/grpc-web-text+proto");
}

TEST_F(GrpcCall, WebCallsAreTranslatedBothWays) {
  route_.grpc_web = true;
  RequestContext& rc = context("application/grpc-web-text");
  exchange_.head.framing = http::Framing::length;
  GrpcWebCall call(buffers_);
  BodySource& sent = call.translate_request(rc, exchange_.body);
  EXPECT_NE(&sent, &exchange_.body);
  EXPECT_EQ(exchange_.head.fields.find("content-type"), "application/grpc");
  EXPECT_EQ(exchange_.head.framing, http::Framing::chunked);

  test::PieceSource upstream(exchange_.pool, {});
  http::ResponseHead head;
  head.fields.add("content-type", "application/grpc");
  head.framing = http::Framing::chunked;
  BodySource& answer = call.translate_answer(rc, head, upstream);
  EXPECT_EQ(head.fields.find("content-type"), "application/grpc-web-text+proto");
  EXPECT_EQ(answer.peek().substr(0, 4), "gAAA");  // 0x80, 0, 0: nothing came but the end, which is a frame
  EXPECT_FALSE(answer.at_end());
}

TEST_F(GrpcCall, AnswersOfOtherKindsPassAsTheyAre) {
  route_.grpc_web = true;
  RequestContext& rc = context("application/grpc-web");
  GrpcWebCall call(buffers_);
  EXPECT_EQ(&call.translate_request(rc, exchange_.body), &exchange_.body);  // binary: the same bytes
  http::ResponseHead head;
  head.status = 404;
  head.fields.add("content-type", "text/html");
  head.framing = http::Framing::length;
  EXPECT_EQ(&call.translate_answer(rc, head, exchange_.body), &exchange_.body);
  EXPECT_EQ(head.framing, http::Framing::length);
}

}  // namespace
}  // namespace postern::proxy
