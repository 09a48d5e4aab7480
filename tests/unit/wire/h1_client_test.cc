// The client's side of a connection over a socket pair: what comes back in whatever pieces, and when it may be reused.
#include "wire/h1_client.h"

#include <gtest/gtest.h>

#include "unit/net/loop_support.h"

namespace postern::wire {
namespace {

using test::drive;
using test::settle;

http::RequestHead request(http::Method method = http::Method::get) {
  http::RequestHead head;
  head.method = method;
  head.method_token = method == http::Method::head ? "HEAD" : method == http::Method::post ? "POST" : "GET";
  head.authority = head.host = "h";
  head.path = "/x";
  return head;
}

/// Everything an answer said, as one line: "100 200 body trailers" or "error".
Task<std::string> read_answer(UpstreamExchange& up) {
  std::string out;
  do {
    const Result<void> head = co_await up.read_head();
    if (!head) co_return out + std::string(to_string(head.error().code));
    out += std::to_string(up.response().status) + " ";
  } while (up.response().status < 200);
  BodySource& body = up.response_body();
  for (;;) {
    const std::string_view data = body.peek();
    out += data;
    body.consume(data.size());
    if (body.at_end()) break;
    if (!data.empty()) continue;
    const Result<void> more = co_await body.fill();
    if (!more) co_return out + " " + std::string(to_string(more.error().code));
  }
  const http::Fields& trailers = body.trailers();
  for (std::size_t i = 0; i < trailers.size(); ++i)
    out += " " + std::string(trailers[i].name) + "=" + std::string(trailers[i].value);
  co_return out;
}

Task<std::string> read_error(UpstreamExchange& up, Error& error) {
  const Result<void> head = co_await up.read_head();
  if (!head) error = head.error();
  co_return std::string(head ? "answered" : "failed");
}

struct Watcher final : KeptWatcher {
  void on_kept_lost(UpstreamConnection&) noexcept override { ++lost; }
  int lost = 0;
};

class H1ClientTest : public ::testing::Test {
 protected:
  H1ClientTest() { connect(); }
  ~H1ClientTest() override {
    client_.reset();
    settle(loop_);
    loop_.finish();
  }
  void connect() {
    test::Pair pair = test::make_tcp_pair(loop_);
    peer_.emplace(std::move(pair.peer));
    client_.emplace(net::Stream(std::move(pair.socket), Side::upstream));
  }
  UpstreamExchange& ask(const http::RequestHead& head = request()) {
    UpstreamExchange& up = client_->open();
    up.start_request(head);
    up.request_body().finish(nullptr);
    EXPECT_EQ(up.request_body().try_flush(), Flushed::done);
    EXPECT_TRUE(drive(loop_, [&] { return peer_->receive().find("\r\n\r\n") != std::string::npos; }));
    return up;
  }
  /// The answer in pieces of that size.
  std::string answer(std::string_view bytes, std::size_t piece = std::string_view::npos,
                     http::Method method = http::Method::get) {
    test::Running<std::string> running(loop_, read_answer(ask(request(method))));
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      peer_->send(bytes.substr(0, piece));
      settle(loop_);
    }
    return running.get();
  }

  net::Loop loop_;
  std::optional<test::PeerEnd> peer_;
  std::optional<H1Client> client_;
  Watcher watcher_;
};

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kChunked =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\n"
    "Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 5\r\n\r\n";

TEST_F(H1ClientTest, CarriesOneExchangeAfterAnother) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(answer(kOk), "200 ok");
    EXPECT_EQ(client_->is_reused(), i > 0);
    ASSERT_TRUE(client_->finish());
    EXPECT_EQ(loop_.buffers().leased(), 0u);
    client_->keep(watcher_);
    ASSERT_TRUE(client_->take(true));
  }
  EXPECT_EQ(watcher_.lost, 0);
}

TEST_F(H1ClientTest, TakesAnswersByteByByte) {
  EXPECT_EQ(answer(kChunked, 1), "100 103 201 hello X-Sum=5");
  EXPECT_TRUE(client_->finish());
  EXPECT_EQ(answer(kOk, 1), "200 ok");
  EXPECT_TRUE(client_->finish());
}

TEST_F(H1ClientTest, TakesAnswersCutAnywhere) {
  for (std::size_t cut = 1; cut < kChunked.size(); ++cut) {
    test::Running<std::string> running(loop_, read_answer(ask()));
    peer_->send(kChunked.substr(0, cut));
    settle(loop_);
    peer_->send(kChunked.substr(cut));
    ASSERT_EQ(running.get(), "100 103 201 hello X-Sum=5") << "cut at " << cut;
    ASSERT_TRUE(client_->finish()) << "cut at " << cut;
  }
}

TEST_F(H1ClientTest, AnswersWithoutBodies) {
  EXPECT_EQ(answer("HTTP/1.1 204 No Content\r\n\r\n"), "204 ");
  EXPECT_TRUE(client_->finish());
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", 7, http::Method::head), "200 ");
  EXPECT_TRUE(client_->finish());
  EXPECT_EQ(answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n"), "304 ");
  EXPECT_TRUE(client_->finish());
}

TEST_F(H1ClientTest, AnAnswerThatEndsWithTheConnectionIsTheLast) {
  test::Running<std::string> running(loop_, read_answer(ask()));
  peer_->send("HTTP/1.1 200 OK\r\n\r\nall of it");
  peer_->shutdown_send();
  EXPECT_EQ(running.get(), "200 all of it");
  EXPECT_FALSE(client_->finish());
}

TEST_F(H1ClientTest, CloseIsTheLast) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"), "200 ok");
  EXPECT_FALSE(client_->finish());
}

TEST_F(H1ClientTest, BytesBehindTheAnswerSpoilTheConnection) {
  EXPECT_EQ(answer(std::string(kOk) + "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"), "200 ok");
  EXPECT_FALSE(client_->finish());
}

TEST_F(H1ClientTest, BytesWhileItRestsSpoilTheConnection) {
  EXPECT_EQ(answer(kOk), "200 ok");
  ASSERT_TRUE(client_->finish());
  client_->keep(watcher_);
  peer_->send(kOk);
  EXPECT_TRUE(drive(loop_, [&] { return watcher_.lost == 1; }));
  EXPECT_FALSE(client_->take(false));
}

TEST_F(H1ClientTest, AnEndWhileItRestsIsNoticed) {
  EXPECT_EQ(answer(kOk), "200 ok");
  ASSERT_TRUE(client_->finish());
  client_->keep(watcher_);
  peer_->close();
  EXPECT_TRUE(drive(loop_, [&] { return watcher_.lost == 1; }));
  EXPECT_FALSE(client_->take(false));
}

TEST_F(H1ClientTest, AReusedConnectionThatIsClosedMayBeTriedElsewhere) {
  EXPECT_EQ(answer(kOk), "200 ok");
  ASSERT_TRUE(client_->finish());
  Error error;
  test::Running<std::string> running(loop_, read_error(ask(), error));
  peer_->close();
  EXPECT_EQ(running.get(), "failed");
  EXPECT_EQ(error.retry, Retry::if_reused);
  EXPECT_EQ(error.side, Side::upstream);
  EXPECT_FALSE(client_->finish());
}

TEST_F(H1ClientTest, AFreshConnectionThatIsClosedIsAFailure) {
  Error error;
  test::Running<std::string> running(loop_, read_error(ask(), error));
  peer_->close();
  EXPECT_EQ(running.get(), "failed");
  EXPECT_EQ(error, (Error{Code::closed, Side::upstream, Retry::never}));
}

TEST_F(H1ClientTest, HalfAHeadIsNoReasonToRepeat) {
  EXPECT_EQ(answer(kOk), "200 ok");
  ASSERT_TRUE(client_->finish());
  Error error;
  test::Running<std::string> running(loop_, read_error(ask(), error));
  peer_->send("HTTP/1.1 200");
  settle(loop_);
  EXPECT_TRUE(client_->answered());
  peer_->close();
  EXPECT_EQ(running.get(), "failed");
  EXPECT_EQ(error.retry, Retry::never);
}

TEST_F(H1ClientTest, ATruncatedBodyIsAnError) {
  test::Running<std::string> running(loop_, read_answer(ask()));
  peer_->send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  peer_->shutdown_send();
  EXPECT_EQ(running.get(), "200 half " + std::string(to_string(Code::closed)));
  EXPECT_FALSE(client_->finish());
}

TEST_F(H1ClientTest, NonsenseIsMalformed) {
  EXPECT_EQ(answer("SSH-2.0-x\r\n\r\n"), to_string(Code::malformed));
  EXPECT_FALSE(client_->finish());
}

http::RequestHead websocket() {
  http::RequestHead head = request();
  head.protocol = "websocket";
  head.framing = http::Framing::until_close;
  head.fields.add("Sec-WebSocket-Version", "13");
  head.fields.add("Sec-WebSocket-Protocol", "chat");
  return head;
}

TEST_F(H1ClientTest, AsksForAWebSocketWithItsOwnKey) {
  UpstreamExchange& up = client_->open();
  up.start_request(websocket());
  up.request_body().put("too early");
  EXPECT_EQ(up.request_body().try_flush(), Flushed::done);
  std::string sent;
  EXPECT_TRUE(drive(loop_, [&] { return (sent += peer_->receive()).find("\r\n\r\n") != std::string::npos; }));
  EXPECT_EQ(sent.rfind("GET /x HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Protocol: chat\r\nConnection: Upgrade\r\n"
                       "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ",
                       0),
            0u)
      << sent;
  EXPECT_EQ(sent.find("\r\n\r\n") + 4, sent.size());
  EXPECT_EQ(sent.find("Sec-WebSocket-Version"), sent.rfind("Sec-WebSocket-Version"));
}

TEST_F(H1ClientTest, AnAgreementToSomethingElseIsMalformed) {
  for (const std::string_view bad :
       {"HTTP/1.1 101 X\r\n\r\n", "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"}) {
    connect();
    Error error;
    test::Running<std::string> running(loop_, read_error(ask(websocket()), error));
    peer_->send(bad);
    EXPECT_EQ(running.get(), "failed");
    EXPECT_EQ(error.code, Code::malformed);
    EXPECT_EQ(error.retry, Retry::never);
    EXPECT_FALSE(client_->finish());
  }
}

TEST_F(H1ClientTest, AnOrdinaryAnswerToAHandshakeIsWholeAndTheLast) {
  UpstreamExchange& up = client_->open();
  up.start_request(websocket());
  EXPECT_EQ(up.request_body().try_flush(), Flushed::done);
  test::Running<std::string> running(loop_, read_answer(up));
  peer_->send("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(running.get(), "401 no");
  EXPECT_FALSE(client_->finish());
  client_.reset();
  EXPECT_TRUE(drive(loop_, [&] {
    peer_->receive();
    return peer_->ended();
  }));
  EXPECT_FALSE(peer_->broken());
}

TEST_F(H1ClientTest, SilenceIsATimeout) {
  UpstreamExchange& up = ask();
  up.set_read_timeout(15);
  test::Running<std::string> running(loop_, read_answer(up));
  EXPECT_EQ(running.get(), to_string(Code::timeout));
  EXPECT_FALSE(client_->finish());
}

TEST_F(H1ClientTest, CancelEndsAWait) {
  Error error;
  UpstreamExchange& up = ask();
  test::Running<std::string> running(loop_, read_error(up, error));
  up.cancel(Error{Code::cancelled, Side::downstream, Retry::never});
  EXPECT_EQ(running.get(), "failed");
  EXPECT_EQ(error.side, Side::downstream);
  EXPECT_FALSE(client_->finish());
}

TEST_F(H1ClientTest, ARequestThatIsNotWholeEndsInAReset) {
  http::RequestHead head = request(http::Method::post);
  head.framing = http::Framing::length;
  head.content_length = 10;
  UpstreamExchange& up = client_->open();
  up.start_request(head);
  up.request_body().put("half");
  EXPECT_EQ(up.request_body().try_flush(), Flushed::done);
  EXPECT_FALSE(client_->finish());
  client_.reset();
  EXPECT_TRUE(drive(loop_, [&] {
    peer_->receive();
    return peer_->ended();
  }));
  EXPECT_TRUE(peer_->broken());
}

}  // namespace
}  // namespace postern::wire
