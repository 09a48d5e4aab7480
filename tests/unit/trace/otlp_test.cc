// Spans through a ring and into both encodings. (The end-to-end suite reads them with OpenTelemetry's own schema.)
#include "trace/otlp.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <protozero/pbf_reader.hpp>
#include <string>

#include "base/byte_ring.h"
#include "trace/gzip.h"

namespace postern::trace {
namespace {

SpanRecord sample() {
  SpanRecord record;
  record.trace = {0x0af7651916cd43dd, 0x8448eb211c80319c};
  record.span = 0xb7ad6b7169203331;
  record.parent = 0x00f067aa0ba902b7;
  record.start_ns = 1'700'000'000'000'000'001;
  record.end_ns = 1'700'000'000'000'000'002;
  record.status = 503;
  record.http_major = 1;
  record.http_minor = 1;
  record.kind = SpanKind::server;
  record.failed = true;
  record.method = "POST";
  record.template_path = "/v1/models/{model}";
  record.path = "/v1/models/\"b\"\xff";
  return record;
}

constexpr char kJson[] =
    R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"postern"}}]},)"
    R"("scopeSpans":[{"scope":{"name":"postern"},"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c",)"
    R"("spanId":"b7ad6b7169203331","parentSpanId":"00f067aa0ba902b7","flags":1,"name":"POST /v1/models/{model}",)"
    R"("kind":2,"startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"1700000000000000002","attributes":[)"
    R"({"key":"http.request.method","value":{"stringValue":"POST"}},)"
    R"({"key":"http.route","value":{"stringValue":"/v1/models/{model}"}},)"
    R"({"key":"url.path","value":{"stringValue":"/v1/models/\"b\"\ufffd"}},)"
    R"({"key":"http.response.status_code","value":{"intValue":"503"}},)"
    R"({"key":"network.protocol.version","value":{"stringValue":"1.1"}}],"status":{"code":2}}]}]}]})";

TEST(TraceSpan, PassesTheRing) {
  ByteRing ring(1 << 14);
  SpanRecord record = sample();
  const std::string agent(1000, 'u');
  record.user_agent = agent;
  record.state = "a=1";
  record.link_trace = {1, 2};
  record.link_span = 3;
  record.resend = 4;
  ASSERT_TRUE(append(ring, record));
  ASSERT_TRUE(ring.refresh());
  SpanRecord got;
  ASSERT_TRUE(decode(ring.front(), got));
  EXPECT_EQ(got.trace, record.trace);
  EXPECT_EQ(got.link_span, 3u);
  EXPECT_EQ(got.resend, 4);
  EXPECT_EQ(got.kind, SpanKind::server);
  EXPECT_EQ(got.path, record.path);
  EXPECT_EQ(got.state, "a=1");
  EXPECT_EQ(got.user_agent, agent.substr(0, 256));
  const auto bytes = ring.front();
  EXPECT_FALSE(decode(bytes.subspan(0, bytes.size() - 1), got));
  EXPECT_FALSE(decode(bytes.subspan(0, 8), got));
}

TEST(TraceSpan, FullRingDrops) {
  ByteRing ring(4096);
  int taken = 0;
  while (append(ring, sample())) ++taken;
  EXPECT_GT(taken, 5);
  EXPECT_EQ(ring.dropped(), 1u);
}

TEST(Otlp, Json) {
  const auto encoder = make_json_encoder({{"service.name", "postern"}});
  EXPECT_EQ(encoder->content_type(), "application/json");
  encoder->add(sample());
  EXPECT_EQ(encoder->spans(), 1u);
  EXPECT_EQ(encoder->take(), kJson);
  EXPECT_EQ(encoder->spans(), 0u);
  encoder->add(sample());
  encoder->add(sample());
  const std::string two = encoder->take();
  EXPECT_NE(two.find("}},{\"traceId\""), std::string::npos);
}

std::string field(std::string_view message, protozero::pbf_tag_type tag) {
  protozero::pbf_reader reader(message.data(), message.size());
  return reader.next(tag) ? reader.get_string() : "missing";
}

TEST(Otlp, Protobuf) {
  const auto encoder = make_protobuf_encoder({{"service.name", "postern"}});
  EXPECT_EQ(encoder->content_type(), "application/x-protobuf");
  for (int round = 0; round < 2; ++round) {
    encoder->add(sample());
    encoder->add(sample());
    const std::string body = encoder->take();
    const std::string resource_spans = field(body, 1);
    const std::string scope_spans = field(resource_spans, 2);
    EXPECT_EQ(field(field(scope_spans, 1), 1), "postern");
    protozero::pbf_reader spans(scope_spans);
    int count = 0;
    while (spans.next(2)) {
      const std::string span = spans.get_string();
      EXPECT_EQ(field(span, 1), "\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c");
      EXPECT_EQ(field(span, 2), "\xb7\xad\x6b\x71\x69\x20\x33\x31");
      EXPECT_EQ(field(span, 5), "POST /v1/models/{model}");
      EXPECT_NE(span.find("/v1/models/\"b\"\xEF\xBF\xBD"), std::string::npos);
      ++count;
    }
    EXPECT_EQ(count, 2);
  }
}

TEST(Otlp, NamesSpans) {
  SpanRecord record;
  EXPECT_EQ(name_of(record), "HTTP");
  record.method = "GET";
  EXPECT_EQ(name_of(record), "GET");
  record.phase = "queue";
  EXPECT_EQ(name_of(record), "queue");
}

TEST(Otlp, ReadsWhatWasRejected) {
  EXPECT_EQ(rejected_spans("{}", true), 0u);
  EXPECT_EQ(rejected_spans("", true), 0u);
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"x"}})", true), 3u);
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans": 12}})", true), 12u);
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans")", true), 0u);
  EXPECT_EQ(rejected_spans(std::string("\x0a\x02\x08\x03", 4), false), 3u);
  EXPECT_EQ(rejected_spans("", false), 0u);
  EXPECT_EQ(rejected_spans("\x0a\xff\xff", false), 0u);
  EXPECT_EQ(rejected_spans("<html>", false), 0u);
}

TEST(Otlp, Gzip) {
  const std::string text(100'000, 'x');
  const std::string packed = gzip(text);
  ASSERT_FALSE(packed.empty());
  EXPECT_LT(packed.size(), 1'000u);
  std::string out(text.size(), '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string in = packed;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  inflateEnd(&stream);
  EXPECT_EQ(out, text);
}

}  // namespace
}  // namespace postern::trace
