// Trace headers of all kinds, as a table: what is taken and what is not. The W3C rows follow the cases of the Trace
// Context test suite.
#include "trace/context.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::trace {
namespace {

constexpr TraceId kTrace{0x0af7651916cd43dd, 0x8448eb211c80319c};
constexpr SpanId kSpan = 0xb7ad6b7169203331;

std::string text_of(const std::optional<Context>& context) {
  if (!context) return "none";
  char digits[48];
  write_hex(write_hex(digits, context->trace), context->span);
  const char* const decisions[] = {"?", "0", "1"};
  return std::string(digits, 32) + "-" + std::string(digits + 32, 16) + "-" +
         decisions[static_cast<std::size_t>(context->sampling)];
}

constexpr char kYes[] = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1";
constexpr char kNo[] = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0";
constexpr char kUndecided[] = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-?";

struct Row {
  std::string text;
  const char* outcome;
};

TEST(TraceContext, ReadsTraceparent) {
  const std::string ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
  const Row rows[] = {
      {"00-" + ids + "-01", kYes},
      {"00-" + ids + "-00", kNo},
      {"00-" + ids + "-03", kYes},  // level 2: random
      {"00-" + ids + "-02", kNo},
      {"00-" + ids + "-ff", kYes},  // flags that nobody knows
      {"cc-" + ids + "-01", kYes},  // versions to come
      {"cc-" + ids + "-01-what-the-future-brings", kYes},
      {"cc-" + ids + "-01.what", "none"},
      {"00-" + ids + "-01-", "none"},  // version 0 ends there
      {"00-" + ids + "-01-extra", "none"},
      {"ff-" + ids + "-01", "none"},
      {"0-" + ids + "-01", "none"},
      {"000-" + ids + "-01", "none"},
      {"0x-" + ids + "-01", "none"},
      {".0-" + ids + "-01", "none"},
      {"00-" + ids + "-1", "none"},
      {"00-" + ids + "-0x", "none"},
      {"00-" + ids + "-.0", "none"},
      {"00-" + ids, "none"},
      {"00-" + ids + "-", "none"},
      {"00-00000000000000000000000000000000-b7ad6b7169203331-01", "none"},
      {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "none"},
      {"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "none"},
      {"00-.af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "none"},
      {"00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01x", "none"},
      {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-001", "none"},
      {"00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01", "none"},
      {"", "none"},
      {std::string(5000, '0'), "none"},
  };
  for (const Row& row : rows) EXPECT_EQ(text_of(parse_traceparent(row.text)), row.outcome) << row.text;
}

TEST(TraceContext, ChecksTracestate) {
  const auto holds = [](std::string_view text) {
    std::size_t members = 0;
    return check_tracestate(text, members);
  };
  for (const std::string& good :
       {std::string("foo=1"), std::string("foo=1,bar=2"), std::string(" foo=1 , \tbar=2 "), std::string(""),
        std::string(",,foo=1,"), std::string("foo@v=1"), std::string("0foo=1"), std::string("a_b-c*d/e=1"),
        std::string("foo= 1"), std::string("foo=a b"), std::string(256, 'z') + "=1", "z=" + std::string(256, 'x'),
        std::string(241, 't') + "@v=1"}) {
    EXPECT_TRUE(holds(good)) << good;
  }
  for (const std::string& bad :
       {std::string("foo"), std::string("=1"), std::string("foo="), std::string("FOO=1"), std::string("foo =1"),
        std::string("foo@=1"), std::string("@v=1"), std::string("foo@@v=1"), std::string("foo@1v=1"),
        std::string("foo@acme-vendor-xyz=1"), std::string("foo.bar=1"), std::string("foo=a=b"), std::string("foo=\x01"),
        std::string("foo=\x7f"), std::string("foo=\xc3\xa4"), std::string(257, 'z') + "=1",
        "z=" + std::string(257, 'x'), std::string(242, 't') + "@v=1"}) {
    EXPECT_FALSE(holds(bad)) << bad;
  }
  std::string many;
  for (int i = 0; i < 32; ++i) many += "k" + std::to_string(i) + "=1,";
  EXPECT_TRUE(holds(many));
  EXPECT_FALSE(holds(many + "last=1"));
  std::size_t members = 0;  // over several lines
  EXPECT_TRUE(check_tracestate(many, members));
  EXPECT_FALSE(check_tracestate("last=1", members));
}

TEST(TraceContext, ReadsB3InOneHeader) {
  const std::string ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
  const Row rows[] = {
      {ids, kUndecided},
      {ids + "-1", kYes},
      {ids + "-d", kYes},
      {ids + "-0", kNo},
      {ids + "-1-05e3ac9a4f6e3b90", kYes},
      {"8448eb211c80319c-b7ad6b7169203331-1", "00000000000000008448eb211c80319c-b7ad6b7169203331-1"},
      {"0", "00000000000000000000000000000000-0000000000000000-0"},
      {"1", "00000000000000000000000000000000-0000000000000000-1"},
      {"d", "00000000000000000000000000000000-0000000000000000-1"},
      {"", "none"},
      {"x", "none"},
      {"-", "none"},
      {"--", "none"},
      {ids + "-", "none"},
      {ids + "-2", "none"},
      {ids + "-1-", "none"},
      {ids + "-1-05e3ac9a4f6e3b9", "none"},
      {ids + "-1-05e3ac9a4f6e3b90-", "none"},
      {"0af7651916cd43dd8448eb211c80319-b7ad6b7169203331", "none"},
      {"0af7651916cd43dd8448eb211c80319c-b7ad6b716920333", "none"},
      {"00000000000000000000000000000000-b7ad6b7169203331", "none"},
      {"0af7651916cd43dd8448eb211c80319c-0000000000000000", "none"},
      {"0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331", "none"},
  };
  for (const Row& row : rows) EXPECT_EQ(text_of(parse_b3(row.text)), row.outcome) << row.text;
}

TEST(TraceContext, ReadsB3InSeveralHeaders) {
  constexpr char kId[] = "0af7651916cd43dd8448eb211c80319c";
  constexpr char kSpanText[] = "b7ad6b7169203331";
  EXPECT_EQ(text_of(parse_b3(kId, kSpanText, "1", "")), kYes);
  EXPECT_EQ(text_of(parse_b3(kId, kSpanText, "true", "")), kYes);
  EXPECT_EQ(text_of(parse_b3(kId, kSpanText, "0", "")), kNo);
  EXPECT_EQ(text_of(parse_b3(kId, kSpanText, "", "")), kUndecided);
  EXPECT_EQ(text_of(parse_b3(kId, kSpanText, "", "1")), kYes);
  EXPECT_EQ(text_of(parse_b3(kId, kSpanText, "x", "")), "none");
  EXPECT_EQ(text_of(parse_b3(kId, "", "1", "")), "none");
  EXPECT_EQ(text_of(parse_b3("", kSpanText, "1", "")), "none");
  EXPECT_EQ(text_of(parse_b3("", "", "", "")), "none");
  EXPECT_EQ(text_of(parse_b3("", "", "0", "")), "00000000000000000000000000000000-0000000000000000-0");
}

TEST(TraceContext, ReadsXray) {
  const std::string root = "Root=1-0af76519-16cd43dd8448eb211c80319c";
  constexpr char kRootAlone[] = "0af7651916cd43dd8448eb211c80319c-0000000000000000-?";
  const Row rows[] = {
      {root, kRootAlone},  // a load balancer as the first hop
      {root + ";Parent=b7ad6b7169203331;Sampled=1", kYes},
      {root + ";Parent=b7ad6b7169203331;Sampled=0", kNo},
      {root + ";Parent=b7ad6b7169203331;Sampled=?", kUndecided},
      {root + ";Parent=b7ad6b7169203331", kUndecided},
      {"Sampled=1; Parent=b7ad6b7169203331 ; " + root, kYes},
      {"Self=1-67891234-12456789abcdef012345678;" + root, kRootAlone},
      {root + ";Lineage=25:3c3b6f5e:0;;", kRootAlone},
      {root + ";nonsense", kRootAlone},
      {"Parent=b7ad6b7169203331;Sampled=1", "none"},
      {root + ";" + root, "none"},
      {root + ";Parent=b7ad6b716920333", "none"},
      {root + ";Parent=b7ad6b7169203331;Parent=b7ad6b7169203331", "none"},
      {"Root=2-0af76519-16cd43dd8448eb211c80319c", "none"},
      {"Root=1-0af7651-16cd43dd8448eb211c80319c0", "none"},
      {"Root=1-0af76519-16cd43dd8448eb211c80319", "none"},
      {"Root=1-00000000-000000000000000000000000", "none"},
      {"Root=", "none"},
      {"", "none"},
      {root + ";x=" + std::string(600, 'x'), "none"},
  };
  for (const Row& row : rows) EXPECT_EQ(text_of(parse_xray(row.text)), row.outcome) << row.text;
}

TEST(TraceContext, WritesWhatItReads) {
  char space[128];
  EXPECT_EQ(std::string(space, write_traceparent(space, kTrace, kSpan, true)),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(std::string(space, write_b3(space, kTrace, kSpan, false)),
            "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0");
  const std::string xray(space, write_xray(space, kTrace, kSpan, true));
  EXPECT_EQ(xray, "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1");
  EXPECT_EQ(xray.size(), kXraySize);
  EXPECT_EQ(text_of(parse_xray(xray)), kYes);
}

TEST(TraceContext, KeepsXrayFieldsOfOthers) {
  char space[64];
  const auto rest = [&](std::size_t room, std::string_view text) {
    return std::string(space, write_xray_rest(space, room, text));
  };
  EXPECT_EQ(rest(64, "Self=1-2-3;Root=1-x;Parent=1;Sampled=?; Lineage=a:b"), ";Self=1-2-3;Lineage=a:b");
  EXPECT_EQ(rest(12, "Self=1-2-3;Lineage=a:b"), ";Self=1-2-3");
  EXPECT_EQ(rest(0, "Self=1-2-3"), "");
}

}  // namespace
}  // namespace postern::trace
