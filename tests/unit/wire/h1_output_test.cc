// What goes out, byte for byte: framing, borrowed runs, and a peer that takes a little at a time.
#include "wire/h1_output.h"

#include <gtest/gtest.h>

#include "unit/net/loop_support.h"
#include "wire/h1_chunked.h"

namespace postern::wire {
namespace {

using test::drive;

class H1OutputTest : public ::testing::Test {
 protected:
  H1OutputTest() : pair_(test::make_pair(loop_)), stream_(std::move(pair_.socket), Side::downstream) {
    output_.reset(stream_, 1'000);
  }
  ~H1OutputTest() override {
    output_.release();
    stream_.close();
    loop_.finish();
  }
  void small_windows() {
    const int least = 1;
    ::setsockopt(stream_.socket().fd(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
    ::setsockopt(pair_.peer.fd(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
  }
  /// Everything that comes until the flush is done.
  std::string flushed() {
    test::Running<Result<void>> running(loop_, output_.flush());
    std::string out;
    EXPECT_TRUE(drive(loop_, [&] {
      out += pair_.peer.receive();
      return running.done();
    }));
    return out + pair_.peer.receive();
  }

  net::Loop loop_;
  test::Pair pair_;
  net::Stream stream_;
  H1Output output_;
};

TEST_F(H1OutputTest, ChunksAreFramed) {
  output_.set_framing(http::Framing::chunked);
  output_.put("hello");
  output_.put("");
  output_.put("0123456789abcdef");
  output_.finish(nullptr);
  EXPECT_EQ(flushed(), "5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
  EXPECT_EQ(output_.body_bytes(), 21u);
  EXPECT_TRUE(output_.finished());
}

TEST_F(H1OutputTest, TrailersFollowTheLastChunk) {
  http::Fields trailers;
  trailers.add("X-Sum", "5");
  output_.set_framing(http::Framing::chunked);
  output_.put("hello");
  output_.finish(&trailers);
  EXPECT_EQ(flushed(), "5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n");
}

TEST_F(H1OutputTest, LengthHasNoFramingAndNoneHasNoBody) {
  output_.set_framing(http::Framing::length);
  output_.put("hello");
  output_.finish(nullptr);
  EXPECT_EQ(flushed(), "hello");
  output_.reset(stream_, 1'000);
  output_.put("never");
  output_.finish(nullptr);
  EXPECT_FALSE(output_.pending());
  EXPECT_EQ(output_.body_bytes(), 0u);
}

TEST_F(H1OutputTest, LongRunsAreBorrowed) {
  const std::string run(5'000, 'x');
  output_.set_framing(http::Framing::chunked);
  output_.put("a");
  EXPECT_FALSE(output_.wants_flush());
  output_.put(run);
  EXPECT_TRUE(output_.wants_flush());
  EXPECT_TRUE(flushed() == "1\r\na\r\n1388\r\n" + run + "\r\n");
  EXPECT_FALSE(output_.wants_flush());
}

TEST_F(H1OutputTest, ManySmallRunsFillTheBlockAndAskForAFlush) {
  output_.set_framing(http::Framing::chunked);
  const std::string run(1'000, 'y');  // the one that finds no room is borrowed
  std::string expected;
  int runs = 0;
  while (!output_.wants_flush()) {
    output_.put(run);
    expected += "3e8\r\n" + run + "\r\n";
    ASSERT_LT(++runs, 100);
  }
  EXPECT_TRUE(flushed() == expected);
}

TEST_F(H1OutputTest, PartialWritesLoseNothing) {
  small_windows();
  std::string body;
  for (int i = 0; body.size() < 300'000; ++i) body += std::to_string(i) + ",";
  char* out = output_.reserve(6);
  std::memcpy(out, "HEAD\r\n", 6);
  output_.commit(out + 6);
  output_.set_framing(http::Framing::chunked);
  output_.put(body);
  EXPECT_EQ(output_.try_flush(), Flushed::blocked);
  const std::string first = flushed();
  output_.put("end");
  output_.finish(nullptr);
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", body.size());
  EXPECT_TRUE(first + flushed() == "HEAD\r\n" + std::string(size) + body + "\r\n3\r\nend\r\n0\r\n\r\n");
}

TEST_F(H1OutputTest, APeerThatTakesNothingIsATimeout) {
  small_windows();
  output_.reset(stream_, 15);
  const std::string body(1'000'000, 'x');
  output_.set_framing(http::Framing::length);
  output_.put(body);
  test::Running<Result<void>> running(loop_, output_.flush());
  EXPECT_EQ(running.get().error(), (Error{Code::timeout, Side::downstream, Retry::never}));
  EXPECT_TRUE(output_.failed());
}

TEST_F(H1OutputTest, APeerThatHasGoneIsAFailure) {
  pair_.peer.close();
  output_.set_framing(http::Framing::length);
  output_.put("x");
  EXPECT_EQ(output_.try_flush(), Flushed::failed);
  EXPECT_TRUE(output_.failed());
}

TEST_F(H1OutputTest, DiscardLeavesNothingToSend) {
  const std::string body(10'000, 'x');
  output_.set_framing(http::Framing::chunked);
  output_.put(body);
  output_.discard();
  EXPECT_FALSE(output_.pending());
  EXPECT_EQ(output_.try_flush(), Flushed::failed);
  EXPECT_EQ(pair_.peer.receive(), "");
}

TEST_F(H1OutputTest, RefusesAHeadThatIsTooLarge) {
  EXPECT_NE(output_.reserve(20'000), nullptr);
  EXPECT_EQ(output_.reserve(BufferPool::kLarge), nullptr);
}

}  // namespace
}  // namespace postern::wire
