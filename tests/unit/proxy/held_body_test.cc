#include "proxy/held_body.h"

#include <gtest/gtest.h>

#include "base/task_group.h"
#include "unit/proxy/fake_exchange.h"

namespace postern::proxy {
namespace {

using test::PieceSource;
using test::TextSink;

Task<void> move(BodySource& source, TextSink& sink) {
  const Result<void> moved = co_await pump(source, sink);
  EXPECT_TRUE(moved);
}

std::string read(BodySource& source) {
  TextSink sink(source.frames());
  TaskGroup group(source.frames());
  group.start(move(source, sink));
  EXPECT_EQ(group.running(), 0u);
  return sink.text;
}

class HeldBodyTest : public testing::Test {
 protected:
  FramePool frames_;
  BufferPool buffers_;
};

TEST_F(HeldBodyTest, GivesTheSameAgain) {
  PieceSource source(frames_, {"first ", "second ", "third"});
  HeldBody body(source, buffers_, 0);
  EXPECT_EQ(read(body), "first second third");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(body.rewind());
    EXPECT_FALSE(body.at_end());
    EXPECT_EQ(read(body), "first second third");
  }
  EXPECT_TRUE(body.at_end());
  EXPECT_EQ(body.received(), 18u);
}

TEST_F(HeldBodyTest, GoesOnWhereTheFirstTryStopped) {
  PieceSource source(frames_, {"abc", "def"});
  HeldBody body(source, buffers_, 6);
  TaskGroup group(frames_);
  TextSink sink(frames_);
  source.ends = false;  // nothing is here yet
  EXPECT_EQ(body.peek(), "");
  source.ends = true;
  struct Fill {
    static Task<void> one(BodySource& from) {
      const Result<void> more = co_await from.fill();
      EXPECT_TRUE(more);
    }
  };
  group.start(Fill::one(body));
  EXPECT_EQ(body.peek(), "abc");
  body.consume(2);
  ASSERT_TRUE(body.rewind());
  EXPECT_EQ(read(body), "abcdef");
}

TEST_F(HeldBodyTest, WhatDoesNotFitIsGone) {
  const std::string half(HeldBody::kMost * 2 / 3, 'x');
  PieceSource source(frames_, {half, half});
  HeldBody body(source, buffers_, 0);
  EXPECT_EQ(read(body), half + half);
  EXPECT_FALSE(body.rewind());
}

TEST_F(HeldBodyTest, ExactlyWhatFits) {
  const std::string half(HeldBody::kMost / 2, 'x');
  PieceSource source(frames_, {half, half});
  HeldBody body(source, buffers_, HeldBody::kMost);
  EXPECT_EQ(read(body).size(), HeldBody::kMost);
  ASSERT_TRUE(body.rewind());
  EXPECT_EQ(read(body), half + half);
}

TEST_F(HeldBodyTest, HoldsNoMemoryBehindTheAnswer) {
  PieceSource source(frames_, {"abc"});
  HeldBody body(source, buffers_, 3);
  EXPECT_EQ(buffers_.leased(), 1u);
  EXPECT_EQ(read(body), "abc");
  body.let_go();
  EXPECT_EQ(buffers_.leased(), 0u);
  EXPECT_TRUE(body.at_end());
  EXPECT_FALSE(body.rewind());
}

}  // namespace
}  // namespace postern::proxy
