// Plain streams: helpers over a socket, and which error each outcome means. (TLS: tls_session_test.cc)
#include "net/stream.h"

#include <gtest/gtest.h>

#include "unit/net/loop_support.h"

namespace postern::net {
namespace {

Task<Result<std::size_t>> read_some(Loop&, Stream& stream, std::span<char> into, std::int64_t timeout_ms) {
  const Result<std::size_t> got = co_await stream.read_some(into, timeout_ms);
  co_return got;
}

class StreamTest : public ::testing::Test {
 protected:
  StreamTest() : pair_(test::make_tcp_pair(loop_)), stream_(std::move(pair_.socket), Side::upstream) {}
  ~StreamTest() override {
    stream_.close();
    loop_.finish();
  }
  Result<std::size_t> read(std::int64_t timeout_ms = 1'000) {
    test::Running<Result<std::size_t>> running(loop_, read_some(loop_, stream_, space_, timeout_ms));
    return running.get();
  }
  Loop loop_;
  test::Pair pair_;
  Stream stream_;
  std::array<char, 16> space_{};
};

TEST_F(StreamTest, ReadsSomeThenTheEnd) {
  pair_.peer.send("abc");
  EXPECT_EQ(*read(), 3u);
  pair_.peer.shutdown_send();
  EXPECT_EQ(read().error(), (Error{Code::closed, Side::upstream, Retry::if_reused}));
}

TEST_F(StreamTest, ReadsTimeOut) { EXPECT_EQ(read(10).error(), (Error{Code::timeout, Side::upstream, Retry::never})); }

TEST_F(StreamTest, AResetIsTold) {
  pair_.peer.reset();
  EXPECT_EQ(read().error(), (Error{Code::reset, Side::upstream, Retry::if_reused}));
}

TEST_F(StreamTest, CancelIsTold) {
  test::Running<Result<std::size_t>> running(loop_, read_some(loop_, stream_, space_, 0));
  stream_.cancel();
  EXPECT_EQ(running.get().error(), (Error{Code::cancelled, Side::upstream, Retry::never}));
}

TEST_F(StreamTest, WritesAllThatAPeerTakesSlowly) {
  const std::string bytes(5'000'000, 'x');
  test::Running<Result<void>> running(loop_, stream_.write_all(bytes, 1'000));
  std::size_t seen = 0;
  EXPECT_TRUE(test::drive(loop_, [&] {
    seen += pair_.peer.receive().size();
    return running.done();
  }));
  EXPECT_TRUE(running.get());
  EXPECT_TRUE(test::drive(loop_, [&] { return (seen += pair_.peer.receive().size()) == bytes.size(); }));
}

TEST_F(StreamTest, WritesTimeOut) {
  const std::string bytes(20'000'000, 'x');
  test::Running<Result<void>> running(loop_, stream_.write_all(bytes, 15));
  EXPECT_EQ(running.get().error().code, Code::timeout);
}

TEST_F(StreamTest, TwoPiecesGoOutInOrder) {
  const std::string_view first = "head", second = "body";
  EXPECT_EQ(stream_.write({first.data(), 4}, {second.data(), 4}).bytes, 8u);
  EXPECT_EQ(stream_.write({first.data(), 0}, {second.data(), 4}).bytes, 4u);
  EXPECT_EQ(stream_.write({first.data(), 4}, {second.data(), 0}).bytes, 4u);
  std::string seen;
  EXPECT_TRUE(test::drive(loop_, [&] { return (seen += pair_.peer.receive()).size() == 16; }));
  EXPECT_EQ(seen, "headbodybodyhead");
}

TEST_F(StreamTest, ItsEndIsOrderlyAndItsAbortIsNot) {
  stream_.shutdown_send();
  const auto ended = [&] {
    pair_.peer.receive();
    return pair_.peer.ended();
  };
  EXPECT_TRUE(test::drive(loop_, ended));
  EXPECT_FALSE(pair_.peer.broken());
  stream_.abort();
  EXPECT_FALSE(stream_.is_open());
  stream_.abort();  // twice is fine
  stream_.shutdown_send();
  stream_.close();
}

}  // namespace
}  // namespace postern::net
