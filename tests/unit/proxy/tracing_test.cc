// A request's place in its trace: whose context counts, which spans come out, what the upstream and the client are
// told.
#include "proxy/tracing.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/byte_ring.h"
#include "unit/proxy/fake_exchange.h"

#include "proxy/request_context.h"

namespace postern::proxy {
namespace {

constexpr char kTraceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr trace::TraceId kTrace{0x0af7651916cd43dd, 0x8448eb211c80319c};
constexpr trace::SpanId kParent = 0xb7ad6b7169203331;

class Tracing : public ::testing::Test {
 protected:
  Tracing() {
    trace_.extract = {"w3c", "b3", "xray"};
    trace_.inject = {"w3c"};
    trace_.sample = "100%";
    trace_.otlp.emplace();
    route_.path = "/v1/models/{model}";
    route_.name = "r";
    route_.forward = "u";
  }

  RequestContext& start(const std::vector<std::pair<std::string, std::string>>& fields, bool trusted = true) {
    fields_ = fields;
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->listeners.resize(1);
    snapshot->listeners[0].trace_trust = trust_;
    snapshot->settings.routes = {route_};
    std::vector<route::Problem> problems;
    snapshot->routes = route::RouteTable::build(
        {route_}, {"a"}, [](std::string_view) { return std::optional<std::uint32_t>(0); }, problems);
    snapshot->tracing = std::make_shared<const trace::Settings>(trace_);
    auto generation = std::make_unique<Generation>();
    generation->snapshot = snapshot;
    exchange_.who.trusted = trusted;
    http::RequestHead& head = exchange_.head;
    head.method = http::Method::post;
    head.method_token = "POST";
    head.authority = head.host = "front.example";
    head.target = "/v1/models/bert?secret=1";
    head.path = "/v1/models/bert";
    for (const auto& [name, value] : fields_) head.fields.add(name, value);
    rc_.emplace(exchange_, GenerationPin(generation.release()), now_ns());
    const route::MatchInput input{0, head.host, head.path, head.method, head.method_token, head.fields};
    rc_->generation->snapshot->routes->match(input, rc_->match);
    rc_->trace.start(*rc_, *rc_->generation->snapshot->tracing, tracer_);
    return *rc_;
  }
  std::string field(std::string_view name) { return std::string(exchange_.head.fields.find(name)); }

  /// The next span; its texts live until the one after it.
  trace::SpanRecord next() {
    if (taken_) ring_.pop();
    ring_.refresh();
    trace::SpanRecord record;
    taken_ = trace::decode(ring_.front(), record);
    EXPECT_TRUE(taken_) << "no span";
    return record;
  }
  bool is_empty() {
    if (taken_) ring_.pop();
    taken_ = false;
    return !ring_.refresh();
  }

  config::Trace trace_;
  config::Route route_;
  config::TraceTrust trust_ = config::TraceTrust::trusted;
  std::vector<std::pair<std::string, std::string>> fields_;
  test::FakeExchange exchange_;
  metrics::CoreMetrics metrics_;
  ByteRing ring_{1 << 16};
  trace::CoreTracer tracer_{ring_, metrics_};
  std::optional<RequestContext> rc_;
  bool taken_ = false;
};

TEST_F(Tracing, GoesOnWithTheCallersTrace) {
  RequestContext& rc = start({{"traceparent", kTraceparent}, {"tracestate", "a=1"}, {"baggage", "k=v"}});
  EXPECT_EQ(rc.trace.id_text(), "0af7651916cd43dd8448eb211c80319c");
  ASSERT_TRUE(rc.trace.inject(exchange_.head.fields));
  EXPECT_EQ(field("tracestate"), "a=1");
  EXPECT_EQ(field("baggage"), "k=v");

  rc.trace.begin(Phase::queue);
  rc.trace.end(Phase::queue);
  const TrySpan first = rc.trace.begin_try();
  rc.trace.announce(first);
  const std::string sent_first = field("traceparent");
  rc.trace.end_try(rc, first, {.endpoint = "10.0.0.1:1", .error = "refused"});
  const TrySpan second = rc.trace.begin_try();
  rc.trace.announce(second);
  const std::string sent_second = field("traceparent");
  rc.trace.end_try(rc, second, {.endpoint = "10.0.0.2:1", .status = 200});
  rc.status = 200;
  rc.trace.finish(rc, now_ns());

  const trace::SpanRecord queue = next();
  EXPECT_EQ(queue.phase, "queue");
  const trace::SpanId server_id = queue.parent;
  const trace::SpanRecord refused = next();
  EXPECT_EQ(refused.kind, trace::SpanKind::client);
  EXPECT_EQ(refused.error, "refused");
  EXPECT_TRUE(refused.failed);
  EXPECT_EQ(refused.parent, server_id);
  EXPECT_NE(sent_first, sent_second);
  const trace::SpanRecord answered = next();
  EXPECT_EQ(answered.host, "10.0.0.2:1");
  EXPECT_EQ(answered.resend, 1);
  EXPECT_FALSE(answered.failed);
  char sent[trace::kTraceparentSize];
  trace::write_traceparent(sent, kTrace, answered.span, true);
  EXPECT_EQ(sent_second, std::string(sent, sizeof sent));
  const trace::SpanRecord server = next();
  EXPECT_EQ(server.kind, trace::SpanKind::server);
  EXPECT_EQ(server.span, server_id);
  EXPECT_EQ(server.parent, kParent);
  EXPECT_EQ(server.trace, kTrace);
  EXPECT_EQ(server.template_path, "/v1/models/{model}");
  EXPECT_EQ(server.path, "/v1/models/bert");
  EXPECT_EQ(server.model, "bert");
  EXPECT_EQ(server.state, "a=1");
  EXPECT_LE(server.start_ns, answered.start_ns);
  EXPECT_GE(server.end_ns, answered.end_ns);
  EXPECT_TRUE(is_empty());
}

TEST_F(Tracing, BeginsAnewForStrangersAndLinks) {
  RequestContext& rc =
      start({{"traceparent", kTraceparent}, {"tracestate", "a=1"}, {"baggage", "k=v"}, {"b3", "0"}}, false);
  EXPECT_NE(rc.trace.id_text(), "0af7651916cd43dd8448eb211c80319c");
  ASSERT_TRUE(rc.trace.inject(exchange_.head.fields));
  EXPECT_EQ(exchange_.head.fields.size(), 1u);
  rc.trace.finish(rc, now_ns());
  const trace::SpanRecord server = next();
  EXPECT_EQ(server.parent, 0u);
  EXPECT_EQ(server.link_trace, kTrace);
  EXPECT_EQ(server.link_span, kParent);
  EXPECT_TRUE(server.state.empty());
}

TEST_F(Tracing, TrustIsTheListeners) {
  trust_ = config::TraceTrust::always;
  EXPECT_EQ(start({{"traceparent", kTraceparent}}, false).trace.id_text(), "0af7651916cd43dd8448eb211c80319c");
  exchange_.head.fields.clear();
  trust_ = config::TraceTrust::never;
  EXPECT_NE(start({{"traceparent", kTraceparent}}, true).trace.id_text(), "0af7651916cd43dd8448eb211c80319c");
}

TEST_F(Tracing, TheCallerDecides) {
  trace_.sample = "0%";
  RequestContext& rc = start({{"traceparent", kTraceparent}});
  rc.trace.finish(rc, now_ns());
  EXPECT_EQ(next().trace, kTrace);
  trace_.sample = "100%";
  exchange_.head.fields.clear();
  RequestContext& unrecorded = start({{"b3", "0"}});
  ASSERT_TRUE(unrecorded.trace.inject(exchange_.head.fields));
  EXPECT_TRUE(field("traceparent").ends_with("-00"));
  const std::string before = field("traceparent");
  const TrySpan span = unrecorded.trace.begin_try();
  unrecorded.trace.announce(span);
  EXPECT_EQ(field("traceparent"), before);
  unrecorded.trace.end_try(unrecorded, span, {});
  unrecorded.trace.begin(Phase::cache);
  unrecorded.trace.end(Phase::cache);
  unrecorded.trace.finish(unrecorded, now_ns());
  EXPECT_TRUE(is_empty());
}

TEST_F(Tracing, XrayRootBesideAnotherContextIsLinked) {
  RequestContext& rc =
      start({{"traceparent", kTraceparent},
             {"X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"}});
  rc.trace.finish(rc, now_ns());
  const trace::SpanRecord server = next();
  EXPECT_EQ(server.trace, kTrace);
  EXPECT_EQ(server.link_trace, (trace::TraceId{0x5759e988bd862e3f, 0xe1be46a994272793}));
  EXPECT_EQ(server.link_span, 0x53995c3f42cd8ad8u);
}

TEST_F(Tracing, WithoutACollectorContextsPassAlone) {
  trace_.otlp.reset();
  RequestContext& rc = start({{"traceparent", kTraceparent}});
  ASSERT_TRUE(rc.trace.inject(exchange_.head.fields));
  EXPECT_TRUE(field("traceparent").ends_with("-01"));
  EXPECT_NE(field("traceparent"), kTraceparent);
  rc.trace.finish(rc, now_ns());
  EXPECT_TRUE(is_empty());
}

TEST_F(Tracing, ServerTimingSaysWhatWasWaitedFor) {
  route_.server_timing = config::ServerTiming::on_request;
  RequestContext& rc = start({{"prefer", "wait=5 , Server-Timing"}});
  rc.trace.begin(Phase::queue);
  rc.trace.end(Phase::queue);
  rc.upstream_started = 1'000'000;
  rc.first_byte = 3'500'000;
  http::ResponseHead head;
  ASSERT_TRUE(rc.trace.add_server_timing(rc, head));
  const std::string text(head.fields.find("Server-Timing"));
  EXPECT_TRUE(text.starts_with("queue;dur=0.")) << text;
  EXPECT_NE(text.find(", upstream;dur=2.500, total;dur="), std::string::npos) << text;
  rc.grpc = grpc::Kind::grpc;
  http::ResponseHead call;
  ASSERT_TRUE(rc.trace.add_server_timing(rc, call));
  EXPECT_TRUE(call.fields.empty());
}

TEST_F(Tracing, ServerTimingIsForThoseWhoAsk) {
  route_.server_timing = config::ServerTiming::on_request;
  RequestContext& rc = start({{"prefer", "respond-async"}});
  http::ResponseHead head;
  ASSERT_TRUE(rc.trace.add_server_timing(rc, head));
  EXPECT_TRUE(head.fields.empty());
}

}  // namespace
}  // namespace postern::proxy
