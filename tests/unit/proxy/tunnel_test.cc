// A tunnel between two HTTP/1 connections over socket pairs: bytes both ways, every kind of end, and what it holds.
#include "proxy/tunnel.h"

#include <gtest/gtest.h>

#include <optional>

#include "unit/net/loop_support.h"
#include "wire/h1_client.h"
#include "wire/h1_exchange.h"
#include "wire/ws_handshake.h"

namespace postern::proxy {
namespace {

using test::drive;
using test::settle;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
const std::string kHello("\x81\x05hello", 7);
const std::string kMaskedHello("\x81\x85\0\0\0\0hello", 11);
const std::string kClose("\x88\x02\x03\xe9", 4);
const std::string kMaskedClose("\x88\x82\0\0\0\0\x03\xe9", 8);

Task<bool> read_head(UpstreamExchange& up) {
  const Result<void> head = co_await up.read_head();
  co_return head.has_value() && up.response().status == 101;
}

Task<void> wait(net::Loop& loop, std::int64_t milliseconds) {
  net::Signal signal(loop);
  const net::Waited waited = co_await signal.wait(milliseconds);
  static_cast<void>(waited);
}

class TunnelTest : public ::testing::Test {
 protected:
  TunnelTest()
      : client_(test::make_tcp_pair(loop_)),
        stream_(std::move(client_.socket), Side::downstream),
        input_(stream_),
        server_(test::make_tcp_pair(loop_)),
        upstream_(std::in_place, net::Stream(std::move(server_.socket), Side::upstream)) {}
  ~TunnelTest() override {
    running_.reset();
    tunnel_.reset();
    exchange_.end();
    upstream_.reset();
    stream_.close();
    settle(loop_);
    loop_.finish();
  }

  static std::string key_in(const std::string& request) {
    const std::size_t at = request.find("Sec-WebSocket-Key: ");
    return at == std::string::npos ? "" : request.substr(at + 19, 24);
  }

  /// Both handshakes, with what the client sent too early.
  void open(std::int64_t idle_ms = 0, std::int64_t grace_ms = 200, std::string_view early = {}) {
    exchange_.begin(stream_, input_, peer_, settings_);
    exchange_.request().method = http::Method::get;
    exchange_.request().method_token = "GET";
    exchange_.request().path = "/chat";
    exchange_.request().authority = "h";
    exchange_.ask_websocket(kKey);
    if (!early.empty()) {
      client_.peer.send(early);
      drive(loop_, [&] { return stream_.may_read(); });
      ASSERT_EQ(input_.read(1000).bytes, early.size());
    }
    exchange_.begin_body();
    UpstreamExchange& up = upstream_->open();
    up.start_request(exchange_.request());
    ASSERT_EQ(up.request_body().try_flush(), Flushed::done);
    std::string request;
    drive(loop_, [&] { return (request += server_.peer.receive()).find("\r\n\r\n") != std::string::npos; });
    wire::WsAccept accept;
    ASSERT_TRUE(wire::ws_accept(key_in(request), accept)) << request;
    EXPECT_EQ(request.substr(request.size() - 4), "\r\n\r\n");  // nothing behind it before the 101
    server_.peer.send("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
                      std::string(accept.data(), accept.size()) + "\r\nSec-WebSocket-Protocol: chat\r\n\r\n");
    test::Running<bool> head(loop_, read_head(up));
    ASSERT_TRUE(head.get());
    exchange_.start_response(up.response());
    ASSERT_EQ(exchange_.response_body().try_flush(), Flushed::done);
    drive(loop_, [&] { return (answer_ += client_.peer.receive()).find("\r\n\r\n") != std::string::npos; });
    exchange_.drop_head();
    up.drop_head();
    tunnel_.emplace(loop_, exchange_, up, idle_ms, grace_ms);
    running_.emplace(loop_, tunnel_->run());
    settle(loop_);
  }
  bool client_gets(const std::string& text) { return gets(client_.peer, text); }
  bool server_gets(const std::string& text) { return gets(server_.peer, text); }
  bool gets(test::PeerEnd& peer, const std::string& text) {
    std::string got;
    drive(loop_, [&] { return (got += peer.receive()).size() >= text.size() || peer.ended(); });
    return got == text;
  }
  bool sees_end(test::PeerEnd& peer) {
    return drive(loop_, [&] {
      peer.receive();
      return peer.ended();
    });
  }
  Error ended() { return running_->get(); }

  net::Loop loop_;
  test::Pair client_;
  net::Stream stream_;
  wire::H1Input input_;
  Peer peer_;
  wire::H1Settings settings_;
  wire::H1Exchange exchange_;
  test::Pair server_;
  std::optional<wire::H1Client> upstream_;
  std::optional<Tunnel> tunnel_;
  std::optional<test::Running<Error>> running_;
  std::string answer_;
};

TEST_F(TunnelTest, OpensWithTheHandshakesOfBothHops) {
  open();
  EXPECT_NE(answer_.find("HTTP/1.1 101 Switching Protocols\r\n"), std::string::npos);
  EXPECT_NE(answer_.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos) << answer_;
  EXPECT_NE(answer_.find("Sec-WebSocket-Protocol: chat\r\n"), std::string::npos);
  EXPECT_EQ(answer_.find("Content-Length"), std::string::npos);
  EXPECT_EQ(answer_.find("close"), std::string::npos);
  tunnel_->fail(Error{});
  ended();
}

TEST_F(TunnelTest, PassesBytesAndHoldsNothingBetweenThem) {
  open(0, 200, kMaskedHello);
  EXPECT_TRUE(server_gets(kMaskedHello));
  for (int i = 0; i < 3; ++i) {
    server_.peer.send(kHello);
    EXPECT_TRUE(client_gets(kHello));
    client_.peer.send(kMaskedHello);
    EXPECT_TRUE(server_gets(kMaskedHello));
    settle(loop_);
    EXPECT_EQ(loop_.buffers().leased(), 0u);
  }
  client_.peer.shutdown_send();
  EXPECT_TRUE(sees_end(server_.peer));
  EXPECT_FALSE(server_.peer.broken());
  server_.peer.send(kHello);  // the other direction has its grace
  EXPECT_TRUE(client_gets(kHello));
  server_.peer.shutdown_send();
  EXPECT_TRUE(sees_end(client_.peer));
  EXPECT_EQ(ended().code, Code::ok);
  EXPECT_FALSE(exchange_.aborted());
  EXPECT_FALSE(exchange_.may_go_on());
  EXPECT_FALSE(upstream_->finish());
}

TEST_F(TunnelTest, MovesMuchWhileBothAreSlow) {
  open();
  const std::string block(3'000'000, 'x');
  std::string_view down = block, up = block;
  std::size_t at_client = 0, at_server = 0;
  EXPECT_TRUE(drive(
      loop_,
      [&] {
        const ssize_t n = ::send(server_.peer.fd(), down.data(), down.size(), MSG_NOSIGNAL);
        if (n > 0) down.remove_prefix(static_cast<std::size_t>(n));
        const ssize_t m = ::send(client_.peer.fd(), up.data(), up.size(), MSG_NOSIGNAL);
        if (m > 0) up.remove_prefix(static_cast<std::size_t>(m));
        at_client += client_.peer.receive().size();
        at_server += server_.peer.receive().size();
        return at_client == block.size() && at_server == block.size();
      },
      20'000));
  tunnel_->fail(Error{});
  ended();
}

TEST_F(TunnelTest, AnEndThatNobodyFollowsIsNotWaitedForLong) {
  open(0, 50);
  server_.peer.shutdown_send();
  EXPECT_TRUE(sees_end(client_.peer));
  EXPECT_EQ(ended().code, Code::ok);
  EXPECT_FALSE(exchange_.aborted());
}

TEST_F(TunnelTest, ABrokenSideBreaksTheOther) {
  open();
  server_.peer.reset();
  EXPECT_EQ(ended().side, Side::upstream);
  EXPECT_TRUE(exchange_.aborted());
}

TEST_F(TunnelTest, AResetBehindACloseIsAnEndLikeAnyOther) {
  open();
  server_.peer.send(kClose);
  EXPECT_TRUE(client_gets(kClose));
  server_.peer.reset();
  EXPECT_EQ(ended().code, Code::ok);
  EXPECT_FALSE(exchange_.aborted());
  EXPECT_TRUE(sees_end(client_.peer));
  EXPECT_FALSE(client_.peer.broken());
}

TEST_F(TunnelTest, BehindTwoClosesNobodyIsWaitedFor) {
  open(0, 60'000);
  client_.peer.send(kMaskedClose);
  EXPECT_TRUE(server_gets(kMaskedClose));
  EXPECT_FALSE(client_.peer.ended());
  server_.peer.send(kClose);
  EXPECT_TRUE(client_gets(kClose));
  EXPECT_TRUE(sees_end(client_.peer));  // the server's side ends first
  EXPECT_FALSE(client_.peer.broken());
  server_.peer.send(kHello);  // nobody's
  settle(loop_);
  client_.peer.shutdown_send();
  EXPECT_EQ(ended().code, Code::ok);  // although the server leaves its half open
  EXPECT_FALSE(exchange_.aborted());
  upstream_.reset();
  EXPECT_TRUE(sees_end(server_.peer));
  EXPECT_EQ(client_.peer.receive(), "");
}

TEST_F(TunnelTest, AServerThatEndsBehindTwoClosesIsFollowed) {
  open(0, 60'000);
  server_.peer.send(kClose);
  EXPECT_TRUE(client_gets(kClose));
  client_.peer.send(kMaskedClose);
  EXPECT_TRUE(server_gets(kMaskedClose));
  server_.peer.shutdown_send();
  EXPECT_TRUE(sees_end(client_.peer));
  client_.peer.shutdown_send();
  EXPECT_TRUE(sees_end(server_.peer));
  EXPECT_EQ(ended().code, Code::ok);
  EXPECT_FALSE(exchange_.aborted());
}

TEST_F(TunnelTest, TwoEndsAreNoBrokenConnection) {
  open();
  client_.peer.shutdown_send();
  server_.peer.shutdown_send();
  EXPECT_TRUE(sees_end(client_.peer));
  EXPECT_TRUE(sees_end(server_.peer));
  EXPECT_EQ(ended().code, Code::ok);
  tunnel_->fail(Error{Code::reset, Side::downstream, Retry::never});  // what a watcher makes of a hang-up
  EXPECT_FALSE(exchange_.aborted());
}

TEST_F(TunnelTest, AClientThatIsResetEndsTheUpstream) {
  open();
  client_.peer.reset();
  EXPECT_EQ(ended().side, Side::downstream);
  upstream_.reset();
  EXPECT_TRUE(sees_end(server_.peer));
}

TEST_F(TunnelTest, SilenceEndsItWithAClose) {
  open(60, 2'000);
  for (int i = 0; i < 4; ++i) {  // either direction counts
    test::RunningTask pause(loop_, wait(loop_, 25));
    EXPECT_TRUE(pause.finish());
    server_.peer.send(kHello);
    EXPECT_TRUE(client_gets(kHello));
  }
  EXPECT_TRUE(client_gets(kClose));
  std::string close;
  drive(loop_, [&] { return (close += server_.peer.receive()).size() >= 8; });
  ASSERT_EQ(close.size(), 8u);
  EXPECT_EQ(close.substr(0, 2), "\x88\x82");
  // Both answer: the end.
  client_.peer.send(kMaskedClose);
  server_.peer.send(kClose);
  const Error end = ended();
  EXPECT_EQ(end.code, Code::timeout);
  EXPECT_EQ(end.side, Side::self);
  EXPECT_TRUE(sees_end(client_.peer));
  EXPECT_TRUE(sees_end(server_.peer));
  EXPECT_FALSE(exchange_.aborted());
}

TEST_F(TunnelTest, DrainWaitsForTheEndOfAFrame) {
  open(0, 2'000);
  server_.peer.send(kHello.substr(0, 4));
  EXPECT_TRUE(client_gets(kHello.substr(0, 4)));
  tunnel_->drain();
  settle(loop_);
  server_.peer.send(kHello.substr(4) + kHello);  // and what follows is dropped
  EXPECT_TRUE(client_gets(kHello.substr(4) + kClose));
  settle(loop_);
  EXPECT_EQ(client_.peer.receive(), "");
  EXPECT_EQ(server_.peer.receive().substr(0, 2), "\x88\x82");
  client_.peer.send(kMaskedClose);
  server_.peer.send(kClose);
  EXPECT_EQ(ended().code, Code::cancelled);
}

TEST_F(TunnelTest, DrainAddsNothingToACloseThatHasPassed) {
  open(0, 100);
  server_.peer.send(kClose);
  EXPECT_TRUE(client_gets(kClose));
  tunnel_->drain();
  settle(loop_);
  EXPECT_EQ(client_.peer.receive(), "");
  ended();
}

TEST_F(TunnelTest, DrainEndsWhatIsNoWebSocketAtOnce) {
  open(0, 60'000);
  server_.peer.send("what is this?");
  EXPECT_TRUE(client_gets("what is this?"));
  tunnel_->drain();
  EXPECT_EQ(ended().code, Code::cancelled);
  EXPECT_TRUE(sees_end(client_.peer));
}

TEST_F(TunnelTest, DrainDoesNotWaitForTheDeaf) {
  open(0, 50);
  tunnel_->drain();
  EXPECT_TRUE(client_gets(kClose));
  EXPECT_EQ(ended().code, Code::cancelled);
  EXPECT_TRUE(sees_end(client_.peer));
}

}  // namespace
}  // namespace postern::proxy
