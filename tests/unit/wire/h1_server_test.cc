// The server's side of a connection over a socket pair, with a handler of the test's own.
#include "wire/h1_server.h"

#include <gtest/gtest.h>

#include <coroutine>

#include "unit/net/loop_support.h"

namespace postern::wire {
namespace {

using test::drive;
using test::settle;

/// Lets a handler wait until the test says go.
struct Gate {
  std::coroutine_handle<> waiter;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) noexcept { waiter = h; }
  void await_resume() const noexcept {}
  void open() { std::exchange(waiter, nullptr).resume(); }
};

/// Answers with "METHOD path body", and remembers.
class Echo final : public RequestHandler {
 public:
  enum class Mode { whole, early, abort, hold };

  Task<void> serve(Exchange& exchange) override {
    ++served;
    std::string body;
    if (mode == Mode::abort) {
      exchange.abort(Error{});
      co_return;
    }
    if (mode == Mode::hold) co_await gate;
    BodySource& source = exchange.request_body();
    while (mode != Mode::early) {
      const std::string_view data = source.peek();
      body.append(data);
      source.consume(data.size());
      if (source.at_end()) break;
      if (!data.empty()) continue;
      const Result<void> more = co_await source.fill();
      if (more) continue;
      failure = exchange.request_body_failure();
      exchange.abort(more.error());
      co_return;
    }
    const http::RequestHead& request = exchange.request();
    answer(exchange, 200, std::string(request.method_token) + " " + std::string(request.path) + " " + body);
    const Result<void> flushed = co_await exchange.response_body().flush();
    static_cast<void>(flushed);
  }
  Task<void> reject(Exchange& exchange, std::uint16_t status, const char* reason) override {
    rejected = status;
    why = reason;
    answer(exchange, status, reason);
    const Result<void> flushed = co_await exchange.response_body().flush();
    static_cast<void>(flushed);
  }

  Mode mode = Mode::whole;
  http::Framing framing = http::Framing::length;
  Gate gate;
  int served = 0;
  std::uint16_t rejected = 0;
  std::string why;
  BodyFailure failure;

 private:
  void answer(Exchange& exchange, std::uint16_t status, std::string text) {
    text_ = std::move(text);
    http::ResponseHead head;
    head.status = status;
    head.framing = framing;
    head.content_length = text_.size();
    exchange.start_response(head);
    exchange.response_body().put(text_);
    exchange.response_body().finish(nullptr);
  }
  std::string text_;
};

class H1ServerTest : public ::testing::Test {
 protected:
  H1ServerTest() : pair_(test::make_tcp_pair(loop_)) {}
  ~H1ServerTest() override {
    pair_.peer.close();
    if (running_) {
      EXPECT_TRUE(running_->finish());
    }
    running_.reset();
    stream_.close();
    loop_.finish();
  }
  void start() {
    stream_ = net::Stream(std::move(pair_.socket), Side::downstream);
    server_.emplace(stream_, peer_info_, settings_, handler_, exchanges_);
    running_.emplace(loop_, server_->run());
  }
  /// All that comes until `count` answers with their bodies are there, or the end.
  std::string answers(int count) {
    std::string text;
    drive(loop_, [&] {
      text += pair_.peer.receive();
      int seen = 0;
      for (std::size_t at = 0; (at = text.find("HTTP/1.1 ", at)) != std::string::npos; ++at)
        seen += text.compare(at + 9, 3, "100") != 0;
      return pair_.peer.ended() || (seen >= count && text.find("\r\n\r\n") != std::string::npos);
    });
    settle(loop_);
    return text + pair_.peer.receive();
  }
  static std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
  bool wait_for_end() {
    return drive(loop_, [&] {
      pair_.peer.receive();
      return pair_.peer.ended();
    });
  }

  net::Loop loop_;
  test::Pair pair_;
  H1Settings settings_;
  Peer peer_info_;
  Echo handler_;
  H1ExchangePool exchanges_;
  net::Stream stream_;
  std::optional<H1Server> server_;
  std::optional<test::RunningTask> running_;
};

TEST_F(H1ServerTest, KeepsTheConnectionAndNothingElseBetweenRequests) {
  start();
  for (int i = 1; i <= 3; ++i) {
    pair_.peer.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    EXPECT_EQ(body_of(answers(1)), "POST /a hi");
    EXPECT_EQ(handler_.served, i);
    EXPECT_TRUE(server_->is_idle());
    EXPECT_EQ(loop_.buffers().leased(), 0u);
  }
}

TEST_F(H1ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  pair_.peer.send(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nxGET /3 "
      "HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string all = answers(3);
  EXPECT_LT(all.find("GET /1"), all.find("POST /2 x"));
  EXPECT_LT(all.find("POST /2 x"), all.find("GET /3"));
  EXPECT_NE(all.find("GET /3"), std::string::npos);
}

TEST_F(H1ServerTest, TakesRequestsByteByByte) {
  start();
  const std::string request =
      "POST /a/../b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n";
  for (int round = 0; round < 2; ++round) {
    for (const char c : request) {
      pair_.peer.send({&c, 1});
      settle(loop_);
    }
    EXPECT_EQ(body_of(answers(1)), "POST /b hi!");
  }
}

TEST_F(H1ServerTest, AnswersALateHeadWith408AndLingers) {
  settings_.header_timeout_ms = 20;
  start();
  pair_.peer.send("GET / HT");
  const std::string answer = answers(1);
  EXPECT_EQ(handler_.rejected, 408);
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(wait_for_end());
  EXPECT_FALSE(pair_.peer.broken());
  // It goes on listening until the client has seen the answer: no reset for what is still sent.
  EXPECT_TRUE(pair_.peer.send("TP/1.1\r\n"));
  settle(loop_);
  EXPECT_FALSE(running_->done());
  pair_.peer.shutdown_send();
  EXPECT_TRUE(running_->finish());
}

TEST_F(H1ServerTest, SaysNothingToAClientThatSaidNothing) {
  settings_.header_timeout_ms = 20;
  start();
  EXPECT_TRUE(running_->finish());
  EXPECT_EQ(handler_.rejected, 0);
  EXPECT_EQ(handler_.served, 0);
}

TEST_F(H1ServerTest, EndsAnIdleConnectionInSilence) {
  settings_.keepalive_timeout_ms = 20;
  start();
  pair_.peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  answers(1);
  EXPECT_TRUE(running_->finish());
  EXPECT_EQ(handler_.rejected, 0);
}

TEST_F(H1ServerTest, RejectsAndCloses) {
  start();
  pair_.peer.send(
      "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nGET /smuggled "
      "HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answer = answers(1);
  EXPECT_EQ(handler_.rejected, 400);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(wait_for_end());
  EXPECT_EQ(handler_.served, 0);
}

TEST_F(H1ServerTest, RejectsPathsThatCannotBeNormalised) {
  start();
  pair_.peer.send("GET /../x HTTP/1.1\r\nHost: h\r\n\r\n");
  answers(1);
  EXPECT_EQ(handler_.rejected, 400);
}

TEST_F(H1ServerTest, RejectsAHeadThatEndsInTheMiddle) {
  start();
  pair_.peer.send("GET / HTTP/1.1\r\nHo");
  pair_.peer.shutdown_send();
  answers(1);
  EXPECT_EQ(handler_.rejected, 400);
  EXPECT_TRUE(running_->finish());
}

TEST_F(H1ServerTest, ServesARequestWhoseClientHasSentFin) {
  start();
  pair_.peer.send("GET /last HTTP/1.1\r\nHost: h\r\n\r\n");
  pair_.peer.shutdown_send();
  EXPECT_EQ(body_of(answers(1)), "GET /last ");
  EXPECT_TRUE(running_->finish());
}

TEST_F(H1ServerTest, SwallowsASmallBodyAfterAnEarlyAnswer) {
  handler_.mode = Echo::Mode::early;
  start();
  pair_.peer.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
  EXPECT_EQ(answers(1).find("Connection: close"), std::string::npos);
  pair_.peer.send("0123456789GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(answers(1)), "GET /2 ");
}

TEST_F(H1ServerTest, ClosesAfterAnEarlyAnswerToALargeBody) {
  handler_.mode = Echo::Mode::early;
  start();
  pair_.peer.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_NE(answers(1).find("Connection: close"), std::string::npos);
  EXPECT_TRUE(pair_.peer.send(std::string(50'000, 'x')));
  EXPECT_TRUE(wait_for_end());
  EXPECT_FALSE(pair_.peer.broken());
}

TEST_F(H1ServerTest, AsksForABodyThatIsExpected) {
  start();
  pair_.peer.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  std::string text;
  EXPECT_TRUE(drive(loop_, [&] { return (text += pair_.peer.receive()).find("\r\n\r\n") != std::string::npos; }));
  EXPECT_EQ(text.rfind("HTTP/1.1 100 ", 0), 0u);
  pair_.peer.send("hi");
  EXPECT_EQ(body_of(answers(1)), "POST /1 hi");
}

TEST_F(H1ServerTest, DoesNotAskForABodyThatIsHere) {
  start();
  pair_.peer.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi");
  EXPECT_EQ(answers(1).rfind("HTTP/1.1 200 ", 0), 0u);
}

TEST_F(H1ServerTest, GivesOldClientsAnEndInsteadOfChunks) {
  handler_.framing = http::Framing::chunked;
  start();
  pair_.peer.send("GET /1 HTTP/1.0\r\n\r\n");
  const std::string answer = answers(1);
  EXPECT_EQ(answer.find("Transfer-Encoding"), std::string::npos);
  EXPECT_EQ(body_of(answer), "GET /1 ");
  EXPECT_TRUE(wait_for_end());
}

TEST_F(H1ServerTest, AHeadRequestGetsNoBody) {
  start();
  pair_.peer.send("HEAD /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(answers(1)), "");
  pair_.peer.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(answers(1)), "GET /2 ");
}

TEST_F(H1ServerTest, AnAbortIsAResetToTheClient) {
  handler_.mode = Echo::Mode::abort;
  start();
  pair_.peer.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(running_->finish());
  pair_.peer.receive();
  EXPECT_TRUE(pair_.peer.broken());
}

TEST_F(H1ServerTest, ABodyThatStopsComingIsA408) {
  settings_.body_timeout_ms = 20;
  start();
  pair_.peer.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
  EXPECT_TRUE(running_->finish());
  EXPECT_EQ(handler_.failure.status, 408);
}

TEST_F(H1ServerTest, ABodyOverTheLimitIsA413) {
  settings_.max_body = 5;
  start();
  pair_.peer.send("POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_TRUE(running_->finish());
  EXPECT_EQ(handler_.failure.status, 413);
}

TEST_F(H1ServerTest, ADrainEndsAnIdleConnection) {
  start();
  pair_.peer.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  answers(1);
  server_->drain(Drain::idle);
  EXPECT_FALSE(running_->done());  // never from within the caller
  EXPECT_TRUE(running_->finish());
}

TEST_F(H1ServerTest, ADrainGivesANewConnectionItsOneRequest) {
  start();
  settle(loop_);
  server_->drain(Drain::idle);
  settle(loop_);
  ASSERT_FALSE(running_->done());
  pair_.peer.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(answers(1).find("Connection: close"), std::string::npos);
  EXPECT_TRUE(wait_for_end());
}

TEST_F(H1ServerTest, ADrainMayLetAnIdleConnectionAskOnce) {
  start();
  pair_.peer.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(answers(1).find("Connection: close"), std::string::npos);
  server_->drain(Drain::last_request);
  settle(loop_);
  ASSERT_FALSE(running_->done());
  pair_.peer.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(answers(1).find("Connection: close"), std::string::npos);
  EXPECT_TRUE(wait_for_end());
}

TEST_F(H1ServerTest, ADrainEndsEverybodyAtLast) {
  start();
  settle(loop_);
  server_->drain(Drain::idle);
  settle(loop_);
  EXPECT_FALSE(running_->done());
  server_->drain(Drain::all);
  EXPECT_TRUE(running_->finish());
}

TEST_F(H1ServerTest, ADrainLetsTheRequestFinishAndSaysClose) {
  handler_.mode = Echo::Mode::hold;
  start();
  pair_.peer.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(drive(loop_, [&] { return handler_.served == 1; }));
  server_->drain(Drain::idle);
  handler_.gate.open();
  const std::string answer = answers(1);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(wait_for_end());
}

TEST_F(H1ServerTest, ADrainServesARequestThatHasJustArrived) {
  start();
  settle(loop_);
  // The head is in the socket before the drain, its body comes after: the drain must not break that wait.
  pair_.peer.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
  loop_.post([&] { server_->drain(Drain::idle); });
  settle(loop_);
  if (running_->done()) return;  // the drain was seen first: the client has its end, and may repeat elsewhere
  pair_.peer.send("hi");
  const std::string answer = answers(1);
  EXPECT_EQ(body_of(answer), "POST /1 hi");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

const std::string kUpgrade =
    "Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

TEST_F(H1ServerTest, AnOrdinaryAnswerToAHandshakeIsTheLast) {
  handler_.mode = Echo::Mode::early;
  start();
  pair_.peer.send("GET /1 HTTP/1.1\r\n" + kUpgrade + "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answer = answers(1);
  EXPECT_EQ(body_of(answer), "GET /1 ");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(wait_for_end());
  EXPECT_EQ(handler_.served, 1);
}

TEST_F(H1ServerTest, RefusesHalfAHandshake) {
  start();
  pair_.peer.send("POST /1 HTTP/1.1\r\n" + kUpgrade);
  answers(1);
  EXPECT_EQ(handler_.rejected, 400);
  EXPECT_TRUE(wait_for_end());
  EXPECT_EQ(handler_.served, 0);
}

TEST_F(H1ServerTest, TellsWhichVersionOfAHandshakeItKnows) {
  start();
  pair_.peer.send("GET /1 HTTP/1.1\r\nSec-WebSocket-Version: 8\r\n" + kUpgrade);
  const std::string answer = answers(1);
  EXPECT_EQ(handler_.rejected, 426);
  EXPECT_NE(answer.find("Upgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(wait_for_end());
}

}  // namespace
}  // namespace postern::wire
