// The receiving half of an HTTP/2 stream: blocks, window, limits, and how it ends.
#include "wire/h2_body.h"

#include <gtest/gtest.h>

#include "unit/wire/h2_test_session.h"

namespace postern::wire {
namespace {

using test::drive;
using test::Running;

class H2BodyTest : public test::H2StreamTest {
 protected:
  std::string take(std::size_t most = 1'000'000) {
    std::string all;
    while (all.size() < most) {
      const std::string_view data = in().peek();
      const std::size_t part = std::min(data.size(), most - all.size());
      all.append(data.substr(0, part));
      in().consume(part);
      if (data.empty()) break;
    }
    return all;
  }
  void send(std::size_t bytes, bool end = false) {
    const std::string block(std::min<std::size_t>(bytes, 16'384), 'x');
    for (std::size_t left = bytes; left > 0;) {
      const std::size_t part = std::min(left, block.size());
      left -= part;
      peer_.data(1, block.substr(0, part), end && left == 0);
      step();
    }
  }
};

TEST_F(H2BodyTest, GivesWhatHasComeInOrder) {
  open();
  peer_.data(1, "one ");
  peer_.data(1, "two");
  step();
  EXPECT_FALSE(in().at_end());
  EXPECT_EQ(take(), "one two");
  EXPECT_EQ(in().peek(), "");
  in().consume(0);  // as a pump may that has seen nothing
  peer_.data(1, " three", true);
  step();
  EXPECT_EQ(take(), " three");
  EXPECT_TRUE(in().at_end());
  EXPECT_EQ(in().received(), 13u);
}

TEST_F(H2BodyTest, NothingCanBeConsumedOfNothing) {
  open();
  in().consume(0);
  EXPECT_EQ(in().peek(), "");
}

TEST_F(H2BodyTest, GoesOverManyBlocks) {
  open();
  send(200'000, true);
  EXPECT_EQ(in().received(), 200'000u);
  EXPECT_EQ(take().size(), 200'000u);
  EXPECT_TRUE(in().at_end());
}

TEST_F(H2BodyTest, WindowGoesBackWhenBytesHaveGoneOn) {
  open();
  const std::uint64_t before = peer_.windows[0];
  send(200'000);
  EXPECT_EQ(peer_.windows[1], 0u);
  EXPECT_EQ(peer_.windows[0], before);
  take(150'000);
  step();
  EXPECT_GE(peer_.windows[1], 130'000u);
  EXPECT_LE(peer_.windows[1], 150'000u);
  take();
  step();
  EXPECT_LE(peer_.windows[1], 200'000u) << "never more than came";
}

TEST_F(H2BodyTest, WhatIsNotReadComesBackToTheConnection) {
  settings_.connection_window = 256 * 1024;
  open();
  const std::uint64_t before = peer_.windows[0];
  send(200'000);
  peer_.reset(1, NGHTTP2_CANCEL);
  step();
  EXPECT_FALSE(session_->one.open);
  EXPECT_EQ(peer_.windows[0], before);
  in().release();
  step();
  EXPECT_EQ(loop_.buffers().leased(), 0u);
  EXPECT_EQ(peer_.windows[0], before + 200'000);
}

TEST_F(H2BodyTest, RewindsWhileNothingWasGivenUp) {
  open();
  peer_.data(1, "hello ");
  peer_.data(1, "world", true);
  step();
  EXPECT_EQ(take(), "hello world");
  ASSERT_TRUE(in().rewind());
  EXPECT_FALSE(in().at_end());
  EXPECT_EQ(take(), "hello world");
  EXPECT_TRUE(in().at_end());
  step();
}

TEST_F(H2BodyTest, RewindingGivesNoWindowTwice) {
  open();
  send(16'000);
  send(200'000 - 16'000);
  const std::string first = take(16'000);
  ASSERT_TRUE(in().rewind());
  EXPECT_EQ(take().size(), 200'000u);
  step();
  EXPECT_LE(peer_.windows[1], 200'000u);
  EXPECT_FALSE(in().rewind()) << "blocks have gone";
}

TEST_F(H2BodyTest, OverTheLimitNothingMoreIsKept) {
  settings_.stream_window = 64 * 1024;
  open();
  in().limit(10);
  send(8);
  EXPECT_FALSE(in().too_large());
  send(100'000);
  EXPECT_TRUE(in().too_large());
  EXPECT_EQ(in().error().code, Code::too_large);
  EXPECT_LE(loop_.buffers().leased(), 1u);
  EXPECT_GE(peer_.windows[1], 50'000u) << "the stream does not stall the client, who learns of it by the answer";
  EXPECT_FALSE(in().at_end());
}

TEST_F(H2BodyTest, ALimitThatComesLateCountsWhatIsHere) {
  open();
  send(100, true);
  in().limit(10);
  EXPECT_TRUE(in().too_large());
  EXPECT_FALSE(in().at_end());
  EXPECT_EQ(in().peek(), "");
  EXPECT_EQ(loop_.buffers().leased(), 0u);
}

TEST_F(H2BodyTest, FillWaitsForNews) {
  open();
  Running<Result<void>> waiting(loop_, in().fill());
  EXPECT_FALSE(waiting.done());
  peer_.data(1, "x");
  step();
  ASSERT_TRUE(waiting.done());
  EXPECT_TRUE(waiting.get());
  EXPECT_EQ(take(), "x");
}

TEST_F(H2BodyTest, FillEndsWithTheStream) {
  open();
  peer_.data(1, "x");
  step();
  peer_.reset(1, NGHTTP2_CANCEL);
  step();
  Running<Result<void>> first(loop_, in().fill());
  EXPECT_TRUE(first.get()) << "what came may still be read";
  EXPECT_EQ(take(), "x");
  Running<Result<void>> second(loop_, in().fill());
  EXPECT_EQ(second.get().error().code, Code::reset);
  EXPECT_FALSE(in().at_end());
}

TEST_F(H2BodyTest, FillTimesOut) {
  read_timeout_ms_ = 20;
  open();
  Running<Result<void>> waiting(loop_, in().fill());
  EXPECT_EQ(waiting.get().error().code, Code::timeout);
}

TEST_F(H2BodyTest, StopEndsWhoWaits) {
  open();
  Running<Result<void>> waiting(loop_, in().fill());
  in().stop(Error{Code::cancelled, Side::self, Retry::never});
  EXPECT_EQ(waiting.get().error().code, Code::cancelled);
  peer_.data(1, "late");
  step();
  EXPECT_EQ(in().peek(), "") << "nobody will read it";
}

TEST_F(H2BodyTest, BeforeTheFirstWaitSomebodyIsAsked) {
  open();
  int asked = 0;
  in().before_wait([](void* count) noexcept { ++*static_cast<int*>(count); }, &asked);
  peer_.data(1, "x");
  step();
  Running<Result<void>> here(loop_, in().fill());
  EXPECT_TRUE(here.get());
  EXPECT_EQ(asked, 0);
  take();
  for (int i = 0; i < 2; ++i) {
    Running<Result<void>> waiting(loop_, in().fill());
    EXPECT_EQ(asked, 1);
    peer_.data(1, "x");
    step();
    EXPECT_TRUE(waiting.get());
    take();
  }
}

TEST_F(H2BodyTest, TrailersFollowTheBody) {
  open();
  peer_.data(1, "x");
  peer_.head(1, {{"x-sum", "1"}, {"x-more", "2"}});
  step();
  EXPECT_EQ(take(), "x");
  EXPECT_TRUE(in().at_end());
  ASSERT_EQ(in().trailers().size(), 2u);
  EXPECT_EQ(in().trailers().find("x-more"), "2");
}

}  // namespace
}  // namespace postern::wire
