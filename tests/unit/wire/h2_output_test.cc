// The sending half of an HTTP/2 stream: what is copied and what is borrowed, windows, the end, and failing.
#include "wire/h2_output.h"

#include <gtest/gtest.h>

#include "unit/wire/h2_test_session.h"
#include "wire/h2_head.h"

namespace postern::wire {
namespace {

using test::Running;

class H2OutputTest : public test::H2StreamTest {
 protected:
  void answer(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& settings = {}) {
    open(settings);
    H2Head head;
    head.add_number(":status", 200);
    const nghttp2_data_provider body = out().provider();
    ASSERT_EQ(nghttp2_submit_response(session_->raw(), 1, head.data(), head.size(), &body), 0);
    session_->schedule_write();
    step();
  }
  test::H2Peer::Answer& got() { return peer_.answers[1]; }
};

TEST_F(H2OutputTest, ShortRunsAreCopiedIntoOneFrame) {
  answer();
  {
    std::string gone = "one ";
    out().put(gone);
    gone = "two";
    out().put(gone);
    gone = "xxx";
  }
  EXPECT_FALSE(out().wants_flush());
  EXPECT_EQ(out().try_flush(), Flushed::done);
  EXPECT_EQ(got().body, "") << "behind the batch";
  step();
  EXPECT_EQ(got().body, "one two");
  EXPECT_EQ(peer_.data_frames, 1);
  out().finish(nullptr);
  step();
  EXPECT_TRUE(got().ended);
  EXPECT_TRUE(out().is_sent());
  EXPECT_EQ(out().body_bytes(), 7u);
}

TEST_F(H2OutputTest, TheEndGoesWithTheLastBytes) {
  answer();
  out().put("x");
  out().finish(nullptr);
  step();
  EXPECT_TRUE(got().ended);
  EXPECT_EQ(peer_.data_frames, 1);
}

TEST_F(H2OutputTest, LongRunsAreBorrowedUntilTheyAreFlushed) {
  answer();
  const std::string longer(50'000, 'x');
  out().put("short ");
  out().put(longer);
  EXPECT_TRUE(out().wants_flush());
  EXPECT_EQ(out().try_flush(), Flushed::done);
  EXPECT_FALSE(out().wants_flush());
  EXPECT_EQ(out().queued(), 0u);
  step();
  EXPECT_EQ(got().body, "short " + longer);
}

TEST_F(H2OutputTest, ShortRunsThatFillTheBlockWantToBeFlushed) {
  answer();
  const std::string run(4096, 'x');
  int runs = 0;
  while (!out().wants_flush() && runs < 100) {
    out().put(run);
    ++runs;
  }
  EXPECT_LT(runs, 5);
  out().finish(nullptr);
  step();
  EXPECT_EQ(got().body.size(), 4096u * static_cast<unsigned>(runs));
}

TEST_F(H2OutputTest, WaitsForWindow) {
  answer({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10}});
  const std::string text(25, 'x');
  out().put(text);
  EXPECT_EQ(out().try_flush(), Flushed::blocked);
  Running<Result<void>> flushing(loop_, out().flush());
  step();
  EXPECT_EQ(got().body.size(), 10u);
  peer_.window(1, 10);
  step();
  EXPECT_EQ(got().body.size(), 20u);
  EXPECT_FALSE(flushing.done());
  peer_.window(1, 10);
  step();
  EXPECT_TRUE(flushing.get());
  EXPECT_EQ(got().body, text);
  EXPECT_FALSE(got().ended);
}

TEST_F(H2OutputTest, AClientThatGivesNoWindowIsATimeout) {
  write_timeout_ms_ = 30;
  answer({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10}});
  out().put("more than ten bytes of it");
  out().finish(nullptr);
  Running<Result<void>> flushing(loop_, out().flush());
  EXPECT_EQ(flushing.get().error().code, Code::timeout);
  EXPECT_GT(session_->events, 0);
  // Whatever happens next: what is missing never looks like an end.
  peer_.window(1, 100);
  step();
  EXPECT_FALSE(got().ended);
  EXPECT_FALSE(out().is_sent());
}

TEST_F(H2OutputTest, WhatFailedIsNoEndEvenIfNobodyResetsIt) {
  answer({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10}});
  out().put("more than ten bytes of it");
  out().finish(nullptr);
  step();
  out().fail(Error{Code::internal, Side::self, Retry::never});
  peer_.window(1, 100);
  step();
  EXPECT_FALSE(got().ended);
  EXPECT_EQ(got().reset, NGHTTP2_INTERNAL_ERROR);
}

TEST_F(H2OutputTest, TrailersEndIt) {
  answer();
  out().put("x");
  http::Fields trailers;
  trailers.add("Grpc-Status", "0");
  out().finish(&trailers);
  step();
  EXPECT_EQ(got().body, "x");
  EXPECT_EQ(got().get("grpc-status"), "0");
  EXPECT_TRUE(got().ended);
  EXPECT_EQ(peer_.data_frames, 1);
}

TEST_F(H2OutputTest, TrailersWithoutABodyMakeNoEmptyFrame) {
  answer();
  http::Fields trailers;
  trailers.add("grpc-status", "0");
  out().finish(&trailers);
  step();
  EXPECT_EQ(got().get("grpc-status"), "0");
  EXPECT_TRUE(got().ended);
  EXPECT_EQ(peer_.data_frames, 0);
}

TEST_F(H2OutputTest, TrailersWaitForTheLastByte) {
  answer({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 3}});
  out().put("12345");
  http::Fields trailers;
  trailers.add("x-sum", "5");
  out().finish(&trailers);
  step();
  EXPECT_EQ(got().get("x-sum"), "(none)");
  peer_.window(1, 100);
  step();
  EXPECT_EQ(got().body, "12345");
  EXPECT_EQ(got().get("x-sum"), "5");
  EXPECT_TRUE(got().ended);
}

TEST_F(H2OutputTest, AResetEndsWhoFlushes) {
  answer({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1}});
  const std::string text(10'000, 'x');
  out().put(text);
  Running<Result<void>> flushing(loop_, out().flush());
  step();
  peer_.reset(1, NGHTTP2_CANCEL);
  step();
  EXPECT_EQ(flushing.get().error().code, Code::reset);
  EXPECT_EQ(out().try_flush(), Flushed::failed);
  out().put("nothing comes of it");
  EXPECT_EQ(out().queued(), 0u);
}

TEST_F(H2OutputTest, WaitSentTellsWhetherTheEndWent) {
  write_timeout_ms_ = 30;
  answer({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 3}});
  out().put("12345");
  out().finish(nullptr);
  Running<bool> stuck(loop_, out().wait_sent());
  EXPECT_FALSE(stuck.get());
  peer_.window(1, 100);
  Running<bool> sent(loop_, out().wait_sent());
  step();
  EXPECT_TRUE(sent.get());
  EXPECT_EQ(got().body, "12345");
}

TEST_F(H2OutputTest, NoBodyIsNone) {
  open();
  out().set_no_body();
  out().put("for HEAD");
  EXPECT_EQ(out().queued(), 0u);
  EXPECT_FALSE(out().is_sent());
  out().finish(nullptr);
  EXPECT_TRUE(out().is_sent());
}

}  // namespace
}  // namespace postern::wire
