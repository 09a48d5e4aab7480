// Incoming bodies in each framing: what is here, what comes, limits, starting over, being stopped.
#include "wire/h1_body.h"

#include <gtest/gtest.h>

#include "unit/net/loop_support.h"

namespace postern::wire {
namespace {

using http::Framing;
using test::settle;

Task<std::string> read_all(H1Body& body) {
  std::string out;
  for (;;) {
    const std::string_view data = body.peek();
    out += data;
    body.consume(data.size());
    if (body.at_end()) co_return out;
    if (!data.empty()) continue;
    const Result<void> more = co_await body.fill();
    if (!more) co_return out + "!" + std::string(to_string(more.error().code));
  }
}

class H1BodyTest : public ::testing::Test {
 protected:
  H1BodyTest() : pair_(test::make_pair(loop_)), stream_(std::move(pair_.socket), Side::downstream), input_(stream_) {}
  ~H1BodyTest() override {
    body_.release();
    stream_.close();
    loop_.finish();
  }
  /// `here`: what came together with the head.
  void start(Framing framing, std::uint64_t length, std::string_view here = {}) {
    if (!here.empty()) {
      pair_.peer.send(here);
      settle(loop_);
      EXPECT_EQ(input_.read(BufferPool::kSmall).bytes, here.size());
    }
    input_.keep_consumed();
    body_.start(stream_, input_, framing, length, 1'000);
  }
  std::string read(std::string_view bytes, std::size_t piece = std::string_view::npos) {
    test::Running<std::string> running(loop_, read_all(body_));
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      pair_.peer.send(bytes.substr(0, piece));
      settle(loop_);
    }
    return running.get();
  }

  net::Loop loop_;
  test::Pair pair_;
  net::Stream stream_;
  H1Input input_;
  H1Body body_;
};

TEST_F(H1BodyTest, LengthStopsAtItsEnd) {
  start(Framing::length, 5, "helloGET /next");
  EXPECT_TRUE(body_.ends_within(5));
  EXPECT_EQ(read(""), "hello");
  EXPECT_EQ(input_.unread(), "GET /next");
  EXPECT_EQ(body_.received(), 5u);
}

TEST_F(H1BodyTest, LengthComesInPieces) {
  start(Framing::length, 11, "he");
  EXPECT_EQ(read("llo world", 1), "hello world");
}

TEST_F(H1BodyTest, LongBodiesArriveWhole) {
  std::string all;
  for (int i = 0; all.size() < 150'000; ++i) all += std::to_string(i) + ",";
  start(Framing::length, all.size(), all.substr(0, 1'000));
  EXPECT_TRUE(read(std::string_view(all).substr(1'000), 40'000) == all);
}

TEST_F(H1BodyTest, ChunksComeInPieces) {
  start(Framing::chunked, 0, "5\r\nhe");
  EXPECT_EQ(read("llo\r\n6;x=y\r\n world\r\n0\r\nA: b\r\nX-Sum: 1\r\n\r\n", 1), "hello world");
  EXPECT_EQ(body_.trailers().find("X-Sum"), "1");
  EXPECT_EQ(body_.received(), 11u);
}

TEST_F(H1BodyTest, UntilCloseEndsWithTheConnection) {
  start(Framing::until_close, 0, "some");
  pair_.peer.send(" more");
  pair_.peer.shutdown_send();
  EXPECT_EQ(read(""), "some more");
}

TEST_F(H1BodyTest, NoneIsAtItsEnd) {
  start(Framing::none, 0);
  EXPECT_TRUE(body_.at_end());
  EXPECT_TRUE(body_.peek().empty());
}

TEST_F(H1BodyTest, AnEarlyEndIsAFailure) {
  start(Framing::length, 10, "half");
  pair_.peer.shutdown_send();
  EXPECT_EQ(read(""), "half!" + std::string(to_string(Code::closed)));
  EXPECT_EQ(body_.failure_status(), 400);
}

TEST_F(H1BodyTest, BadChunksAreAFailure) {
  start(Framing::chunked, 0, "5\r\nhello\r\nxyz\r\n");
  EXPECT_EQ(read(""), "hello!" + std::string(to_string(Code::malformed)));
  EXPECT_EQ(body_.failure_status(), 400);
  ASSERT_NE(body_.failure(), nullptr);
}

TEST_F(H1BodyTest, LengthOverTheLimitIsRefusedAtOnce) {
  start(Framing::length, 10, "he");
  body_.limit(9);
  EXPECT_EQ(read(""), "!" + std::string(to_string(Code::too_large)));
  EXPECT_EQ(body_.failure_status(), 413);
}

TEST_F(H1BodyTest, ChunksOverTheLimitAreRefusedWhenAnnounced) {
  start(Framing::chunked, 0, "3\r\nabc\r\nffff\r\n");
  body_.limit(5);
  EXPECT_EQ(read(""), "abc!" + std::string(to_string(Code::too_large)));
  EXPECT_EQ(body_.failure_status(), 413);
}

TEST_F(H1BodyTest, ALimitThatIsJustReachedIsFine) {
  start(Framing::chunked, 0, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  body_.limit(5);
  EXPECT_EQ(read(""), "abcde");
}

TEST_F(H1BodyTest, StartsOverWhileAllIsHere) {
  start(Framing::length, 5, "hello");
  EXPECT_EQ(read(""), "hello");
  ASSERT_TRUE(body_.rewind());
  EXPECT_EQ(body_.received(), 0u);
  EXPECT_EQ(read(""), "hello");
}

TEST_F(H1BodyTest, CannotStartOverOnceMoreWasRead) {
  start(Framing::length, 5, "he");
  EXPECT_EQ(read("llo"), "hello");
  EXPECT_FALSE(body_.rewind());
}

TEST_F(H1BodyTest, CannotStartOverWithChunks) {
  start(Framing::chunked, 0, "1\r\na\r\n0\r\n\r\n");
  EXPECT_EQ(read(""), "a");
  EXPECT_FALSE(body_.rewind());
}

TEST_F(H1BodyTest, StopEndsAWaitWithItsError) {
  start(Framing::length, 5, "he");
  test::Running<std::string> running(loop_, read_all(body_));
  EXPECT_FALSE(running.done());
  body_.stop(Error{Code::exhausted, Side::self, Retry::never});
  EXPECT_FALSE(running.done());  // from the loop, not from here
  EXPECT_EQ(running.get(), "he!" + std::string(to_string(Code::exhausted)));
  EXPECT_EQ(body_.failure_status(), 0);
  EXPECT_FALSE(body_.rewind());
}

TEST_F(H1BodyTest, SilenceIsATimeout) {
  start(Framing::length, 5, "he");
  body_.set_read_timeout(15);
  EXPECT_EQ(read(""), "he!" + std::string(to_string(Code::timeout)));
  EXPECT_EQ(body_.failure_status(), 408);
}

TEST_F(H1BodyTest, TellsOnceThatSomebodyWaits) {
  start(Framing::length, 4);
  int told = 0;
  body_.before_wait([](void* count) noexcept { ++*static_cast<int*>(count); }, &told);
  EXPECT_EQ(read("abcd", 1), "abcd");
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace postern::wire
