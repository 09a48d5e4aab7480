// The chunked decoder against rows F16 to F23; every input also in two pieces cut at every byte, and byte by byte.
#include "wire/h1_chunked.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace postern::wire {
namespace {

using State = ChunkedDecoder::State;
using namespace std::string_literals;

struct Outcome {
  State state = State::needs_more;
  std::size_t consumed = 0;
  std::string body;
  int http_status = 0;
  std::string reason;
  std::string trailers;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& o) {
  return out << static_cast<int>(o.state) << " consumed " << o.consumed << " body '" << o.body.substr(0, 50)
             << "' status " << o.http_status << " " << o.reason << " [" << o.trailers << "]";
}

Outcome decode_cut(const std::string& bytes, const std::vector<std::size_t>& cuts,
                   std::span<const std::string_view> allow, std::size_t space_size) {
  std::vector<char> space(space_size);
  http::Fields trailers;
  ChunkedDecoder decoder(space, &trailers, allow);
  Outcome outcome;
  std::size_t from = 0;
  std::vector<std::size_t> ends = cuts;
  ends.push_back(bytes.size());
  for (const std::size_t end : ends) {
    auto piece = std::make_unique<char[]>(end - from);  // gone after the call: views into it would show
    std::memcpy(piece.get(), bytes.data() + from, end - from);
    std::string_view input(piece.get(), end - from);
    for (;;) {
      const ChunkedDecoder::Step step = decoder.next(input);
      outcome.state = step.state;
      outcome.consumed += step.consumed;
      outcome.body += step.data;
      input.remove_prefix(step.consumed);
      if (step.state == State::data) continue;
      if (step.state == State::failed) {
        outcome.http_status = step.http_status;
        outcome.reason = step.reason;
      }
      break;
    }
    from = end;
    if (outcome.state == State::end || outcome.state == State::failed) break;
    EXPECT_TRUE(input.empty());
  }
  if (outcome.state == State::end) {
    for (std::size_t i = 0; i < trailers.size(); ++i) {
      outcome.trailers += std::string(trailers[i].name) + "=" + std::string(trailers[i].value) + ";";
    }
  }
  EXPECT_EQ(decoder.is_done(), outcome.state == State::end);
  return outcome;
}

Outcome decode(const std::string& bytes, std::span<const std::string_view> allow = {},
               std::size_t space = ChunkedDecoder::kTrailerBytes) {
  const Outcome whole = decode_cut(bytes, {}, allow, space);
  const std::size_t step = bytes.size() > 2000 ? 97 : 1;
  std::vector<std::size_t> all;
  for (std::size_t cut = 1; cut < bytes.size(); cut += step) {
    all.push_back(cut);
    EXPECT_EQ(whole, decode_cut(bytes, {cut}, allow, space)) << "cut at " << cut;
  }
  EXPECT_EQ(whole, decode_cut(bytes, all, allow, space));
  return whole;
}

void expect_fails(const char* id, const std::string& bytes, int status = 400) {
  const Outcome outcome = decode(bytes);
  EXPECT_EQ(outcome.state, State::failed) << id << ": " << bytes.substr(0, 100) << " -> " << outcome;
  EXPECT_EQ(outcome.http_status, status) << id << ": " << bytes.substr(0, 100);
  EXPECT_FALSE(outcome.reason.empty()) << id;
}

void expect_body(const char* id, const std::string& bytes, const std::string& body) {
  const Outcome outcome = decode(bytes + "NEXT");
  EXPECT_EQ(outcome.state, State::end) << id << ": " << bytes.substr(0, 100) << " -> " << outcome;
  EXPECT_EQ(outcome.body, body) << id;
  EXPECT_EQ(outcome.consumed, bytes.size()) << id;
}

TEST(ChunkedDecoder, DecodesChunks) {
  expect_body("ok", "0\r\n\r\n", "");
  expect_body("ok", "5\r\nhello\r\n0\r\n\r\n", "hello");
  expect_body("ok", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world");
  expect_body("ok", "a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n", "01234567890123456789");
  expect_body("ok", "0000000000000005\r\nhello\r\n0\r\n\r\n", "hello");
  expect_body("ok", "5\r\n\r\n0\r\n\r\n0\r\n\r\n", "\r\n0\r\n");
}

TEST(ChunkedDecoder, DataAreViewsOfTheInput) {
  const std::string bytes = "5\r\nhello\r\n";
  ChunkedDecoder decoder;
  const ChunkedDecoder::Step step = decoder.next(bytes);
  EXPECT_EQ(step.state, State::data);
  EXPECT_EQ(step.data.data(), bytes.data() + 3);
  EXPECT_EQ(step.consumed, 8U);
  EXPECT_EQ(decoder.announced(), 5U);
  EXPECT_FALSE(decoder.is_done());
}

TEST(ChunkedDecoder, F16ChunkSizes) {
  for (const char* size : {"0x5", "+5", "-5", "5_0", " 5", "5 ", "5\t", "", "g", "5g", "x", "00000000000000005",
                           "8000000000000000", "ffffffffffffffff", "10000000000000000", "5,5", "5.0", "\"5\""}) {
    expect_fails("F16", size + "\r\nhello\r\n0\r\n\r\n"s);
  }
  expect_fails("F16", "\xb2\r\nhello\r\n"s);
  EXPECT_EQ(decode("7fffffffffffffff\r\n").state, State::needs_more);
  ChunkedDecoder decoder;
  decoder.next("7fffffffffffffff\r\n");
  EXPECT_EQ(decoder.announced(), 0x7fffffffffffffffU);
}

TEST(ChunkedDecoder, F17ExtensionsAreStripped) {
  for (const char* extension : {";a", ";a=b", ";a=\"b\"", ";a=\"\"", ";a;b;c=d", "; a = b", " ;a", "\t;\ta", ";a =b ;c",
                                ";a=\"q;\\\"\\\\ \xc3\xa9\t\"", ";!#$%&'*+-.^_`|~=1"}) {
    expect_body("F17", "5"s + extension + "\r\nhello\r\n0" + extension + "\r\n\r\n", "hello");
  }
}

TEST(ChunkedDecoder, F17ExtensionsAreCapped) {
  expect_body("F17", "5;" + std::string(255, 'a') + "\r\nhello\r\n0\r\n\r\n", "hello");
  expect_fails("F17", "5;" + std::string(256, 'a') + "\r\nhello\r\n0\r\n\r\n");
  std::string many;
  for (int i = 0; i < 33; ++i) many += "1;" + std::string(255, 'a') + "\r\nx\r\n";
  expect_fails("F17", many);
  expect_body("F17", many.substr(0, many.size() / 33 * 32) + "0\r\n\r\n", std::string(32, 'x'));
}

TEST(ChunkedDecoder, F18BadExtensions) {
  for (const std::string& extension :
       {";"s,         "; "s,        ";;a"s,       ";a;"s,         ";=b"s,         ";a="s,    ";a=b=c"s, ";a=\"b"s,
        ";a=\"b\"c"s, ";a b"s,      ";a "s,       ";a=b c"s,      ";(a)"s,        ";a=(b)"s, ";a\rb"s,  ";a\nb"s,
        ";a\0b"s,     ";a=\"\0\""s, ";a=\"\n\""s, ";a=\"\r\n\""s, ";a=\"\\\n\""s, ";a\x7f"s, ";a\xff"s, ":a"s}) {
    expect_fails("F18", "5" + extension + "\r\nhello\r\n0\r\n\r\n");
  }
}

TEST(ChunkedDecoder, F19DataAndSizeDisagree) {
  expect_fails("F19", "5\r\nhelloX\r\n0\r\n\r\n");
  expect_fails("F19", "5\r\nhelloXX0\r\n\r\n");
  expect_fails("F19", "5\r\nhello0\r\n\r\n");
  expect_fails("F19", "5\r\nhel\r\n0\r\n\r\n");
  expect_fails("F19", "5\r\nhello\rX0\r\n\r\n");
}

TEST(ChunkedDecoder, F20BareLineFeeds) {
  expect_fails("F20", "5\nhello\r\n0\r\n\r\n");
  expect_fails("F20", "5\r\nhello\n0\r\n\r\n");
  expect_fails("F20", "5\r\nhello\r\n0\n\r\n");
  expect_fails("F20", "5\r\nhello\r\n0\r\n\n");
  expect_fails("F20", "0\r\nX: a\n\r\n");
  expect_fails("F20", "5\rhello\r\n");
  expect_fails("F20", "0\r\n\rX");
  expect_fails("F20", "0\r\nX: a\rb\r\n\r\n");
}

TEST(ChunkedDecoder, F21OnlyAllowedTrailersAreKept) {
  const std::array<std::string_view, 1> any{"*"};
  const std::array<std::string_view, 2> some{"X-Checksum", "grpc-status"};
  const std::string bytes =
      "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: evil\r\nAuthorization: x\r\nCookie: a\r\n"
      "Set-Cookie: a\r\nX-Forwarded-For: 1\r\nX-Forwarded-Anything: 1\r\nForwarded: for=1\r\nTE: x\r\nConnection: x\r\n"
      "Trailer: x\r\nCache-Control: no\r\nContent-Foo: 1\r\nX_Checksum: 1\r\nx-checksum:  abc \r\nGrpc-Status:0\r\n"
      "Other: 1\r\n\r\n";
  EXPECT_EQ(decode(bytes, any).trailers, "x-checksum=abc;Grpc-Status=0;Other=1;");
  EXPECT_EQ(decode(bytes, some).trailers, "x-checksum=abc;Grpc-Status=0;");
  EXPECT_EQ(decode(bytes).trailers, "");
  EXPECT_EQ(decode(bytes).state, State::end);
}

TEST(ChunkedDecoder, F21BadTrailers) {
  for (const std::string& trailer : {" X: a"s, "X : a"s, ": a"s, "nocolon"s, "X\x80: a"s, "X: a\0"s, "X: \x01"s,
                                     "X: \x7f"s, "X: a\r\n b"s, "X(: a"s}) {
    expect_fails("F21", "0\r\n" + trailer + "\r\n\r\n");
  }
}

TEST(ChunkedDecoder, F22TrailerLimits) {
  const auto lines = [](int n) {
    std::string text = "0\r\n";
    for (int i = 0; i < n; ++i) text += "X: 1\r\n";
    return text + "\r\n";
  };
  EXPECT_EQ(decode(lines(64)).state, State::end);
  expect_fails("F22", lines(65), 431);
  EXPECT_EQ(decode("0\r\nX: " + std::string(8187, 'v') + "\r\n\r\n").state, State::end);
  expect_fails("F22", "0\r\nX: " + std::string(8188, 'v') + "\r\n\r\n", 431);
  const std::array<std::string_view, 1> any{"*"};
  EXPECT_EQ(decode("0\r\nX: 0123456789\r\n\r\n", any, 12).state, State::end);
  EXPECT_EQ(decode("0\r\nX: 0123456789\r\n\r\n", any, 11).http_status, 431);
  EXPECT_EQ(decode("0\r\nX: " + std::string(8187, 'v') + "\r\n\r\n", any).state, State::end);
}

TEST(ChunkedDecoder, F23EveryPrefixOfAMessageIsUnfinished) {
  const std::string bytes = "5;a=b\r\nhello\r\n0\r\nX: a\r\n\r\n";
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_EQ(decode(bytes.substr(0, n)).state, State::needs_more) << n;
  }
}

TEST(ChunkedDecoder, StaysFailed) {
  ChunkedDecoder decoder;
  EXPECT_EQ(decoder.next("zz").state, State::failed);
  EXPECT_EQ(decoder.next("0\r\n\r\n").state, State::failed);
  EXPECT_EQ(decoder.next("0\r\n\r\n").http_status, 400);
}

}  // namespace
}  // namespace postern::wire
