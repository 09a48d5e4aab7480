// gRPC-Web's bodies and heads, translated both ways, in pieces of every size.
#include "grpc/web.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/task_group.h"
#include "unit/proxy/fake_exchange.h"

namespace postern::grpc {
namespace {

using test::PieceSource;
using test::TextSink;

const std::string kMessage("\0\0\0\0\x05hello", 10);

std::deque<std::string> cut(std::string_view bytes, std::size_t step) {
  std::deque<std::string> pieces;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) pieces.emplace_back(bytes.substr(0, step));
  return pieces;
}

Task<void> run(BodySource& source, TextSink& sink, std::optional<Result<void>>& out) {
  out = co_await pump(source, sink);
}

/// What arrives at the other end of a pump, borrowing as the wires do; the error, too.
struct Pumped {
  explicit Pumped(BodySource& source) : sink(source.frames()) {
    sink.borrows = true;
    TaskGroup group(source.frames());
    std::optional<Result<void>> result;
    group.start(run(source, sink, result));
    EXPECT_TRUE(result.has_value());
    EXPECT_FALSE(sink.overran);
    if (result && !*result) error = result->error();
  }
  TextSink sink;
  Error error{Code::ok};
};

class GrpcWeb : public ::testing::Test {
 protected:
  FramePool frames_;
  BufferPool buffers_;
};

TEST_F(GrpcWeb, TextRequestsAreDecodedWhereverTheyAreCut) {
  const std::string text = "AAAAAAVoZWxsbw==AAAAAAVoZWxsbw==";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    PieceSource source(frames_, cut(text, step));
    WebTextBody body(source, buffers_);
    const Pumped pumped(body);
    EXPECT_EQ(pumped.error.code, Code::ok) << step;
    EXPECT_EQ(pumped.sink.text, kMessage + kMessage) << step;
  }
  EXPECT_EQ(buffers_.leased(), 0U);
}

TEST_F(GrpcWeb, TextRequestsOfAnySizeGoThroughOneBuffer) {
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += "Zm9v";
  PieceSource source(frames_, cut(text, 50'001));
  WebTextBody body(source, buffers_);
  const Pumped pumped(body);
  EXPECT_EQ(pumped.error.code, Code::ok);
  EXPECT_EQ(pumped.sink.text.size(), 120'000U);
  EXPECT_EQ(body.received(), text.size());
}

TEST_F(GrpcWeb, AnEmptyTextRequestIsEmpty) {
  PieceSource source(frames_, {});
  WebTextBody body(source, buffers_);
  const Pumped pumped(body);
  EXPECT_EQ(pumped.error.code, Code::ok);
  EXPECT_EQ(pumped.sink.text, "");
}

TEST_F(GrpcWeb, WhatIsNotBase64IsTheClientsFault) {
  for (const char* text : {"AAAA!AAA", "AAAAAAVoZWxsb", "AAAAAAVoZWxsbw=", "====", "AAAA\r\n"}) {
    for (std::size_t step = 1; step < 9; ++step) {
      PieceSource source(frames_, cut(text, step));
      WebTextBody body(source, buffers_);
      const Pumped pumped(body);
      EXPECT_EQ(pumped.error.code, Code::malformed) << text << " " << step;
      EXPECT_EQ(pumped.error.side, Side::downstream) << text;
    }
  }
}

TEST_F(GrpcWeb, ATextRequestThatBreaksOffIsNotWhole) {
  PieceSource source(frames_, {"AAAA"});
  source.ends = false;
  WebTextBody body(source, buffers_);
  EXPECT_EQ(Pumped(body).error.code, Code::closed);
}

TEST_F(GrpcWeb, ATextRequestStartsOver) {
  PieceSource first(frames_, {"AAA"});
  WebTextBody body(first, buffers_);
  EXPECT_EQ(Pumped(body).error.code, Code::malformed);
  body.rewind();
  EXPECT_FALSE(body.peek().data() != nullptr && !body.peek().empty());
  EXPECT_TRUE(body.at_end());
}

/// The whole answer in that dialect, its source cut into pieces of `step`.
std::string answer(FramePool& frames, BufferPool& buffers, Kind kind, std::string_view bytes, std::size_t step,
                   const http::Fields& trailers, bool status_in_head = false) {
  PieceSource source(frames, cut(bytes, step));
  source.trailer_fields = trailers;
  WebAnswerBody body(source, buffers, kind, status_in_head);
  const Pumped pumped(body);
  EXPECT_EQ(pumped.error.code, Code::ok);
  EXPECT_TRUE(body.trailers().empty());
  return pumped.sink.text;
}

std::string frame_of(std::string_view lines) {
  const auto size = lines.size();
  std::string frame{static_cast<char>(0x80), 0, 0, static_cast<char>(size >> 8), static_cast<char>(size)};
  return frame.append(lines);
}

/// Segments may be padded anywhere: what a client makes of the text.
std::string from_text(std::string_view text) {
  Base64Decoder decoder;
  std::string out(text.size(), '?');
  const Coded done = decoder.decode(text, out);
  EXPECT_EQ(done.taken, text.size());
  EXPECT_TRUE(decoder.is_whole());
  out.resize(done.made);
  return out;
}

TEST_F(GrpcWeb, TrailersBecomeTheLastFrame) {
  http::Fields trailers;
  trailers.add("grpc-status", "5");
  trailers.add("grpc-message", "");
  trailers.add("x-detail-bin", "AAEC");
  const std::string expected = kMessage + frame_of("grpc-status: 5\r\ngrpc-message: \r\nx-detail-bin: AAEC\r\n");
  for (std::size_t step = 1; step <= kMessage.size(); ++step) {
    EXPECT_EQ(answer(frames_, buffers_, Kind::web, kMessage, step, trailers), expected) << step;
    EXPECT_EQ(from_text(answer(frames_, buffers_, Kind::web_text, kMessage, step, trailers)), expected) << step;
  }
  EXPECT_EQ(buffers_.leased(), 0U);
}

TEST_F(GrpcWeb, LongAnswersAndLongTrailers) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 7);
  const std::string value(12'000, 'v');
  http::Fields trailers;
  trailers.add("grpc-status", "0");
  for (const char* name : {"a", "b", "c"}) trailers.add(name, value);
  const std::string expected =
      bytes + frame_of("grpc-status: 0\r\na: " + value + "\r\nb: " + value + "\r\nc: " + value + "\r\n");
  for (const std::size_t step : {std::size_t{999}, std::size_t{40'000}, bytes.size()}) {
    EXPECT_EQ(answer(frames_, buffers_, Kind::web, bytes, step, trailers), expected) << step;
    EXPECT_EQ(from_text(answer(frames_, buffers_, Kind::web_text, bytes, step, trailers)), expected) << step;
  }
}

TEST_F(GrpcWeb, AnAnswerWithoutAStatusNeverLooksLikeASuccess) {
  const std::string lost = frame_of("grpc-status: 13\r\ngrpc-message: the answer ended without a status\r\n");
  EXPECT_EQ(answer(frames_, buffers_, Kind::web, kMessage, 4, {}), kMessage + lost);
  EXPECT_EQ(from_text(answer(frames_, buffers_, Kind::web_text, "", 4, {})), lost);
}

TEST_F(GrpcWeb, AStatusInTheHeadNeedsNoFrame) {
  EXPECT_EQ(answer(frames_, buffers_, Kind::web, "", 4, {}, true), "");
  EXPECT_EQ(answer(frames_, buffers_, Kind::web_text, "", 4, {}, true), "");
  http::Fields trailers;
  trailers.add("x-late", "1");
  EXPECT_EQ(answer(frames_, buffers_, Kind::web, "", 4, trailers, true), frame_of("x-late: 1\r\n"));
}

TEST_F(GrpcWeb, TextGoesOutWholeBeforeMoreIsAwaited) {
  PieceSource source(frames_, {"abcd", "e"});
  WebAnswerBody body(source, buffers_, Kind::web_text, false);
  TaskGroup group(frames_);
  std::optional<Result<void>> filled;
  struct Fill {
    static Task<void> once(BodySource& from, std::optional<Result<void>>& out) { out = co_await from.fill(); }
  };
  EXPECT_EQ(body.peek(), "");
  group.start(Fill::once(body, filled));
  EXPECT_EQ(body.peek(), "YWJjZA==");  // the client decodes the "d" now, not with the next message
  body.consume(8);
  EXPECT_EQ(body.peek(), "");
  EXPECT_FALSE(body.at_end());
}

TEST_F(GrpcWeb, AnAnswerThatBreaksOffHasNoTrailers) {
  for (const Kind kind : {Kind::web, Kind::web_text}) {
    PieceSource source(frames_, {kMessage});
    source.ends = false;
    WebAnswerBody body(source, buffers_, kind, false);
    const Pumped pumped(body);
    EXPECT_EQ(pumped.error.code, Code::closed);
    EXPECT_EQ(kind == Kind::web ? pumped.sink.text : from_text(pumped.sink.text), kMessage);
  }
}

TEST_F(GrpcWeb, AUnaryAnswerIsWaitedForOnce) {
  for (const Kind kind : {Kind::web, Kind::web_text}) {
    http::Fields trailers;
    trailers.add("grpc-status", "0");
    PieceSource source(frames_, {kMessage});
    source.trailer_fields = trailers;
    TextSink sink(frames_);
    WebAnswerBody body(source, buffers_, kind, false);
    EXPECT_FALSE(pump_ready(body, sink));  // nothing has come
    TaskGroup group(frames_);
    std::optional<Result<void>> result;
    group.start(run(body, sink, result));
    EXPECT_EQ(source.fills, 1);
  }
}

TEST(GrpcWebHeads, RequestsBecomeGrpc) {
  std::array<char, 64> space{};
  http::RequestHead head;
  head.fields.add("content-type", "application/grpc-web-text+json; charset=utf-8");
  head.fields.add("Content-Length", "12");
  head.fields.add("x-user-agent", "grpc-web-javascript/0.1");
  head.framing = http::Framing::length;
  head.content_length = 12;
  ASSERT_TRUE(to_grpc(head, space));
  EXPECT_EQ(head.fields.find("content-type"), "application/grpc+json");
  EXPECT_EQ(head.fields.count(http::FieldId::content_type), 1U);
  EXPECT_FALSE(head.fields.has(http::FieldId::content_length));
  EXPECT_EQ(head.framing, http::Framing::chunked);
  EXPECT_TRUE(head.accepts_trailers);
  EXPECT_EQ(head.fields.find("x-user-agent"), "grpc-web-javascript/0.1");
}

TEST(GrpcWebHeads, BinaryRequestsKeepTheirLength) {
  std::array<char, 64> space{};
  http::RequestHead head;
  head.fields.add("content-type", "application/grpc-web");
  head.framing = http::Framing::length;
  head.content_length = 12;
  ASSERT_TRUE(to_grpc(head, space));
  EXPECT_EQ(head.fields.find("content-type"), "application/grpc");
  EXPECT_EQ(head.framing, http::Framing::length);
  EXPECT_EQ(head.content_length, 12U);
}

TEST(GrpcWebHeads, AnswersBecomeGrpcWeb) {
  std::array<char, 64> space{};
  http::ResponseHead head;
  head.fields.add("content-type", "application/grpc+json");
  head.fields.add("grpc-accept-encoding", "gzip");
  head.framing = http::Framing::length;
  ASSERT_TRUE(to_web(head, Kind::web_text, space));
  EXPECT_EQ(head.fields.find("content-type"), "application/grpc-web-text+json");
  EXPECT_EQ(head.fields.find("grpc-accept-encoding"), "gzip");
  EXPECT_EQ(head.framing, http::Framing::chunked);
  EXPECT_FALSE(head.fields.find("grpc-status").data());
}

TEST(GrpcWebHeads, TrailersOnlyAnswersStayInTheHead) {
  std::array<char, 64> space{};
  http::ResponseHead head;
  head.fields.add("content-type", "application/grpc");
  head.fields.add("grpc-status", "7");
  ASSERT_TRUE(to_web(head, Kind::web, space));
  EXPECT_EQ(head.fields.find("content-type"), "application/grpc-web+proto");
  EXPECT_EQ(head.fields.find("grpc-status"), "7");
  EXPECT_EQ(head.framing, http::Framing::none);
}

TEST(GrpcWebHeads, AnEmptyAnswerWithoutAStatusGetsOne) {
  std::array<char, 64> space{};
  http::ResponseHead head;
  head.fields.add("content-type", "application/grpc");
  ASSERT_TRUE(to_web(head, Kind::web, space));
  EXPECT_EQ(head.fields.find("grpc-status"), "13");
  EXPECT_EQ(head.framing, http::Framing::none);
}

}  // namespace
}  // namespace postern::grpc
