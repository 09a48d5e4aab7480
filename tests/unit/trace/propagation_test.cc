// Trace headers among others: found, read in order, taken off and written anew.
#include "trace/propagation.h"

#include <gtest/gtest.h>

#include <ctime>
#include <initializer_list>
#include <string>
#include <utility>

#include "base/random.h"
#include "trace/settings.h"

namespace postern::trace {
namespace {

constexpr char kTraceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr char kB3[] = "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-0";
constexpr char kXray[] = "Root=1-5759e988-bd862e3fe1be46a994272793;Self=1-2-3";
constexpr Format kOrder[] = {Format::w3c, Format::b3, Format::xray};

http::Fields fields_of(std::initializer_list<std::pair<const char*, const char*>> pairs) {
  http::Fields fields;
  for (const auto& [name, value] : pairs) fields.add(name, value);
  return fields;
}

std::string dump(const http::Fields& fields) {
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    text.append(fields[i].name).append(": ").append(fields[i].value).append("\n");
  }
  return text;
}

TEST(TracePropagation, TakesTheFirstOfTheOrder) {
  const http::Fields fields =
      fields_of({{"Accept", "*/*"}, {"X-AMZN-TRACE-ID", kXray}, {"B3", kB3}, {"TraceParent", kTraceparent}});
  const Headers headers = find_headers(fields);
  EXPECT_TRUE(headers.any);
  const Incoming first = read_headers(headers, kOrder);
  EXPECT_TRUE(first.found);
  EXPECT_EQ(first.format, Format::w3c);
  EXPECT_EQ(first.context.span, 0xb7ad6b7169203331u);
  const Format reversed[] = {Format::xray, Format::b3};
  const Incoming second = read_headers(headers, reversed);
  EXPECT_EQ(second.format, Format::xray);
  EXPECT_EQ(second.context.trace, (TraceId{0x5759e988bd862e3f, 0xe1be46a994272793}));
  EXPECT_FALSE(read_headers(headers, {}).found);
}

TEST(TracePropagation, InvalidOnesAreNotThere) {
  const http::Fields fields = fields_of({{"traceparent", "00-x"}, {"b3", kB3}});
  const Incoming incoming = read_headers(find_headers(fields), kOrder);
  EXPECT_EQ(incoming.format, Format::b3);
  EXPECT_EQ(incoming.context.sampling, Sampling::no);
}

TEST(TracePropagation, TwiceIsNotThere) {
  const http::Fields fields =
      fields_of({{"traceparent", kTraceparent}, {"traceparent", kTraceparent}, {"traceparent", kTraceparent}});
  EXPECT_FALSE(read_headers(find_headers(fields), kOrder).found);
}

TEST(TracePropagation, NothingThere) {
  const Headers headers = find_headers(fields_of({{"Accept", "*/*"}, {"X-B3", "1"}, {"traceparen", "1"}}));
  EXPECT_FALSE(headers.any);
  EXPECT_FALSE(read_headers(headers, kOrder).found);
}

TEST(TracePropagation, StateIsJudgedOverAllLines) {
  EXPECT_TRUE(find_headers(fields_of({{"tracestate", "a=1"}, {"tracestate", "b=2"}})).has_good_state);
  EXPECT_FALSE(find_headers(fields_of({{"tracestate", "a=1"}, {"tracestate", "B=2"}})).has_good_state);
}

TEST(TracePropagation, StripsAllOfThem) {
  const http::Fields all = fields_of({{"traceparent", "1"},
                                      {"A", "1"},
                                      {"tracestate", "a=1"},
                                      {"b3", "1"},
                                      {"X-B3-TraceId", "1"},
                                      {"X-B3-SpanId", "1"},
                                      {"X-B3-ParentSpanId", "1"},
                                      {"B", "2"},
                                      {"X-B3-Sampled", "1"},
                                      {"X-B3-Flags", "1"},
                                      {"X-Amzn-Trace-Id", "1"},
                                      {"baggage", "k=v"},
                                      {"Host", "h"}});
  http::Fields none = all;
  strip_headers(none, false, false);
  EXPECT_EQ(dump(none), "A: 1\nB: 2\nHost: h\n");
  http::Fields some = all;
  strip_headers(some, true, true);
  EXPECT_EQ(dump(some), "A: 1\ntracestate: a=1\nB: 2\nbaggage: k=v\nHost: h\n");
}

TEST(TracePropagation, WritesEachTryItsOwnSpan) {
  FormatSet formats;
  for (const Format format : {Format::w3c, Format::b3, Format::b3_multi, Format::xray}) formats.add(format);
  Outgoing outgoing;
  outgoing.prepare(formats, {0x5759e988bd862e3f, 0xe1be46a994272793}, 0x1111111111111111, true, kXray);
  http::Fields fields;
  ASSERT_TRUE(outgoing.add_to(fields));
  outgoing.set_span(0x2222222222222222);
  EXPECT_EQ(dump(fields),
            "traceparent: 00-5759e988bd862e3fe1be46a994272793-2222222222222222-01\n"
            "b3: 5759e988bd862e3fe1be46a994272793-2222222222222222-1\n"
            "X-B3-TraceId: 5759e988bd862e3fe1be46a994272793\n"
            "X-B3-SpanId: 2222222222222222\n"
            "X-B3-ParentSpanId: 1111111111111111\n"
            "X-B3-Sampled: 1\n"
            "X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=2222222222222222;Sampled=1;Self=1-2-3\n");
}

TEST(TracePropagation, SaysWhenThereIsNoRoom) {
  http::Fields fields;
  while (fields.add("a", "b")) {
  }
  FormatSet formats;
  formats.add(Format::w3c);
  Outgoing outgoing;
  outgoing.prepare(formats, {1, 2}, 3, false, {});
  EXPECT_FALSE(outgoing.add_to(fields));
}

TEST(TraceSettings, SamplesByShare) {
  config::Trace trace;
  trace.sample = "25%";
  const Settings settings(trace);
  Random random(1);
  int sampled = 0;
  for (int i = 0; i < 10'000; ++i) sampled += settings.samples(settings.make_id(random.next(), random.next())) ? 1 : 0;
  EXPECT_NEAR(sampled, 2'500, 200);
  trace.sample = "0%";
  EXPECT_FALSE(Settings(trace).samples({1, 0xff00000000000000}));
  trace.sample = "100%";
  EXPECT_TRUE(Settings(trace).samples({1, ~std::uint64_t{0}}));
}

TEST(TraceSettings, XrayIdsBeginWithTheTime) {
  config::Trace trace;
  trace.sample = "1%";
  trace.inject = {"w3c", "xray"};
  const auto now = static_cast<std::uint64_t>(::time(nullptr));
  EXPECT_NEAR(static_cast<double>(Settings(trace).make_id(~std::uint64_t{0}, 0).high >> 32), static_cast<double>(now),
              2);
}

}  // namespace
}  // namespace postern::trace
