// Readiness on real sockets, on each engine: edges are never lost, ends are seen, closing from within is safe.
#include "net/socket.h"

#include <gtest/gtest.h>

#include "unit/net/loop_support.h"

namespace postern::net {
namespace {

using test::drive;
using test::settle;

Task<Waited> wait_readable(Loop&, Socket& socket, std::int64_t timeout_ms) {
  const Waited waited = co_await socket.readable().wait(timeout_ms);
  co_return waited;
}

/// Reads to the end with a block of that size.
Task<std::string> read_to_end(Loop&, Socket& socket, std::size_t block) {
  std::string out;
  std::string space(block, 0);
  for (;;) {
    const IoResult got = socket.read({space.data(), space.size()});
    out.append(space.data(), got.bytes);
    if (got.status == IoStatus::ok) continue;
    if (got.status == IoStatus::eof) co_return out;
    if (got.status == IoStatus::error) co_return out + "!reset";
    const Waited waited = co_await socket.readable().wait(0);
    if (waited != Waited::ready) co_return out + "!cancelled";
  }
}

Task<bool> write_all(Loop&, Socket& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const IoResult sent = socket.write({bytes.data(), bytes.size()});
    bytes.remove_prefix(sent.bytes);
    if (sent.status == IoStatus::ok) continue;
    if (sent.status != IoStatus::want_write) co_return false;
    const Waited waited = co_await socket.writable().wait(0);
    if (waited != Waited::ready) co_return false;
  }
  co_return true;
}

class SocketTest : public ::testing::TestWithParam<Engine> {
 protected:
  SocketTest() : loop_(GetParam()), pair_(test::make_tcp_pair(loop_)) {}
  ~SocketTest() override {
    pair_.socket.close();
    settle(loop_);
    loop_.finish();
  }
  Loop loop_;
  test::Pair pair_;
};

INSTANTIATE_TEST_SUITE_P(Engines, SocketTest, ::testing::ValuesIn(test::engines()),
                         [](const auto& engine) { return std::string(to_string(engine.param)); });

TEST_P(SocketTest, ReadsThatFillTheirBlockMissNothing) {
  // After a full read the descriptor may or may not hold more: no report comes for what was there already.
  for (const std::size_t block : {1u, 2u, 3u, 64u}) {
    auto pair = test::make_tcp_pair(loop_);
    test::Running<std::string> running(loop_, read_to_end(loop_, pair.socket, block));
    pair.peer.send("ab");
    settle(loop_);
    pair.peer.send("cdef");
    settle(loop_);
    pair.peer.shutdown_send();
    EXPECT_EQ(running.get(), "abcdef");
  }
}

TEST_P(SocketTest, AnEndTogetherWithDataIsSeen) {
  pair_.peer.send("last words");
  pair_.peer.shutdown_send();
  test::Running<std::string> running(loop_, read_to_end(loop_, pair_.socket, 4096));
  EXPECT_EQ(running.get(), "last words");
  EXPECT_TRUE(pair_.socket.peer_finished());
  EXPECT_FALSE(pair_.socket.is_broken());
}

TEST_P(SocketTest, AnEndThatWasReportedStaysReadable) {
  pair_.peer.send("x");
  pair_.peer.shutdown_send();
  ASSERT_TRUE(drive(loop_, [&] { return pair_.socket.peer_finished(); }));
  settle(loop_);
  char byte;
  EXPECT_EQ(pair_.socket.read({&byte, 1}).bytes, 1u);
  test::Running<Waited> running(loop_, wait_readable(loop_, pair_.socket, 1'000));
  EXPECT_EQ(running.get(), Waited::ready);
  EXPECT_EQ(pair_.socket.read({&byte, 1}).status, IoStatus::eof);
}

TEST_P(SocketTest, AResetIsAnError) {
  test::Running<std::string> running(loop_, read_to_end(loop_, pair_.socket, 4096));
  pair_.peer.reset();
  EXPECT_EQ(running.get(), "!reset");
  EXPECT_TRUE(pair_.socket.is_broken());
}

TEST_P(SocketTest, SilenceIsATimeoutAndLeavesTheSocketWhole) {
  test::Running<Waited> late(loop_, wait_readable(loop_, pair_.socket, 10));
  EXPECT_EQ(late.get(), Waited::timeout);
  pair_.peer.send("x");
  test::Running<Waited> ready(loop_, wait_readable(loop_, pair_.socket, 1'000));
  EXPECT_EQ(ready.get(), Waited::ready);
}

TEST_P(SocketTest, CancelEndsThisWaitAndLaterOnes) {
  test::Running<Waited> first(loop_, wait_readable(loop_, pair_.socket, 0));
  pair_.socket.cancel();
  EXPECT_FALSE(first.done());  // from the loop, not from here
  EXPECT_EQ(first.get(), Waited::cancelled);
  pair_.peer.send("x");
  settle(loop_);
  test::Running<Waited> second(loop_, wait_readable(loop_, pair_.socket, 0));
  EXPECT_TRUE(second.done());
  EXPECT_EQ(second.get(), Waited::cancelled);
}

TEST_P(SocketTest, InterruptEndsThisWaitOnly) {
  test::Running<Waited> first(loop_, wait_readable(loop_, pair_.socket, 0));
  pair_.socket.readable().interrupt();
  EXPECT_EQ(first.get(), Waited::cancelled);
  pair_.peer.send("x");
  test::Running<Waited> second(loop_, wait_readable(loop_, pair_.socket, 1'000));
  EXPECT_EQ(second.get(), Waited::ready);
}

TEST_P(SocketTest, InterruptWithoutAWaitDoesNothing) {
  pair_.socket.readable().interrupt();
  test::Running<Waited> waiting(loop_, wait_readable(loop_, pair_.socket, 1'000));
  settle(loop_);
  EXPECT_FALSE(waiting.done());
  pair_.peer.send("x");
  EXPECT_EQ(waiting.get(), Waited::ready);
}

Task<Waited> wait_twice(Loop&, Socket& socket, bool& first_ready) {
  const Waited first = co_await socket.readable().wait(0);
  first_ready = first == Waited::ready;
  char byte[16];
  while (socket.read(byte).status == IoStatus::ok) {
  }
  const Waited second = co_await socket.readable().wait(30);
  co_return second;
}

TEST_P(SocketTest, AnInterruptThatComesTooLateSparesTheNextWait) {
  // Data and interrupt meet: the report ends the first wait before the deferred interruption gets to it.
  bool first_ready = false;
  test::Running<Waited> running(loop_, wait_twice(loop_, pair_.socket, first_ready));
  settle(loop_);
  pair_.peer.send("x");
  loop_.post([&] { pair_.socket.readable().interrupt(); });
  const Waited second = running.get();
  EXPECT_TRUE(!first_ready || second == Waited::timeout);
}

TEST_P(SocketTest, AWriterWaitsForRoom) {
  const std::string bytes(8'000'000, 'x');
  test::Running<bool> running(loop_, write_all(loop_, pair_.socket, bytes));
  EXPECT_FALSE(running.done());
  std::size_t seen = 0;
  EXPECT_TRUE(drive(loop_, [&] {
    seen += pair_.peer.receive().size();
    return running.done();
  }));
  EXPECT_TRUE(running.get());
  seen += pair_.peer.receive().size();
  EXPECT_EQ(seen, bytes.size());
}

TEST_P(SocketTest, AWriterLearnsThatThePeerHasGone) {
  const std::string bytes(8'000'000, 'x');
  test::Running<bool> running(loop_, write_all(loop_, pair_.socket, bytes));
  pair_.peer.reset();
  EXPECT_FALSE(running.get());
}

struct Observer final : ReadableObserver {
  void on_readable() noexcept override {
    ++told;
    if (close) close->close();
  }
  int told = 0;
  Socket* close = nullptr;
};

TEST_P(SocketTest, AnObserverHearsOfDataAndOfTheEnd) {
  Observer observer;
  pair_.socket.observe(&observer);
  settle(loop_);
  EXPECT_EQ(observer.told, 0);
  pair_.peer.send("x");
  EXPECT_TRUE(drive(loop_, [&] { return observer.told >= 1; }));
  pair_.peer.shutdown_send();
  EXPECT_TRUE(drive(loop_, [&] { return observer.told >= 2; }));
  pair_.socket.observe(nullptr);
}

TEST_P(SocketTest, OneReportMayCloseTheSocketOfAnother) {
  // Both are in one batch: whichever comes first closes the other.
  auto other = test::make_tcp_pair(loop_);
  Observer first, second;
  first.close = &other.socket;
  second.close = &pair_.socket;
  pair_.socket.observe(&first);
  other.socket.observe(&second);
  settle(loop_);
  pair_.peer.send("x");
  other.peer.send("x");
  EXPECT_TRUE(drive(loop_, [&] { return first.told + second.told >= 1; }));
  settle(loop_);
  EXPECT_EQ(first.told + second.told, 1);
  EXPECT_NE(pair_.socket.is_open(), other.socket.is_open());
}

TEST_P(SocketTest, AReportMayCloseItsOwnSocket) {
  Observer observer;
  observer.close = &pair_.socket;
  pair_.socket.observe(&observer);
  pair_.peer.send("x");
  EXPECT_TRUE(drive(loop_, [&] { return !pair_.socket.is_open(); }));
  settle(loop_);
  EXPECT_TRUE(drive(loop_, [&] {
    pair_.peer.receive();
    return pair_.peer.ended();
  }));
}

TEST_P(SocketTest, ThePeerSeesTheEndAtOnceWhenWeClose) {
  settle(loop_);
  pair_.socket.close();
  EXPECT_TRUE(drive(loop_, [&] {
    pair_.peer.receive();
    return pair_.peer.ended();
  }));
  EXPECT_FALSE(pair_.peer.broken());
}

TEST_P(SocketTest, AHardCloseIsAReset) {
  pair_.socket.reset_on_close();
  pair_.socket.close();
  EXPECT_TRUE(drive(loop_, [&] {
    pair_.peer.receive();
    return pair_.peer.ended();
  }));
  EXPECT_TRUE(pair_.peer.broken());
}

TEST_P(SocketTest, QuietMeansNothingHasCome) {
  EXPECT_TRUE(pair_.socket.is_quiet());
  pair_.peer.send("x");
  EXPECT_TRUE(drive(loop_, [&] { return !pair_.socket.is_quiet(); }));
}

TEST_P(SocketTest, MovesKeepTheirWait) {
  Socket moved = std::move(pair_.socket);
  EXPECT_FALSE(pair_.socket.is_open());
  test::Running<std::string> running(loop_, read_to_end(loop_, moved, 10));
  pair_.peer.send("abc");
  pair_.peer.shutdown_send();
  EXPECT_EQ(running.get(), "abc");
}

}  // namespace
}  // namespace postern::net
