// One exchange by itself: interim answers, what ends a connection, and who hears that the client has gone.
#include "wire/h1_exchange.h"

#include <gtest/gtest.h>

#include "unit/net/loop_support.h"

namespace postern::wire {
namespace {

using test::drive;

struct Watcher final : ClientWatcher {
  void on_client_gone(Error why) noexcept override {
    ++gone;
    error = why;
  }
  void on_client_fin() noexcept override { ++fin; }
  void on_drain() noexcept override { ++drained; }
  int gone = 0;
  int fin = 0;
  int drained = 0;
  Error error;
};

class H1ExchangeTest : public ::testing::Test {
 protected:
  H1ExchangeTest()
      : pair_(test::make_tcp_pair(loop_)), stream_(std::move(pair_.socket), Side::downstream), input_(stream_) {}
  ~H1ExchangeTest() override {
    exchange_.end();
    stream_.close();
    loop_.finish();
  }
  void begin(http::RequestHead head = {}) {
    exchange_.begin(stream_, input_, peer_, settings_);
    exchange_.request() = head;
    exchange_.begin_body();
  }
  static http::ResponseHead response(std::uint16_t status, http::Framing framing = http::Framing::none) {
    http::ResponseHead head;
    head.status = status;
    head.framing = framing;
    return head;
  }
  std::string sent() {
    EXPECT_EQ(exchange_.output().try_flush(), Flushed::done);
    std::string out;
    drive(
        loop_, [&] { return !(out += pair_.peer.receive()).empty() || pair_.peer.ended(); }, 50);
    return out;
  }

  net::Loop loop_;
  test::Pair pair_;
  net::Stream stream_;
  H1Input input_;
  Peer peer_;
  H1Settings settings_;
  H1Exchange exchange_;
  Watcher watcher_;
};

TEST_F(H1ExchangeTest, InterimAnswersComeBeforeTheFinalOne) {
  begin();
  exchange_.inform(response(103));
  exchange_.inform(response(100));  // nobody asked
  exchange_.start_response(response(204));
  exchange_.inform(response(103));  // too late
  exchange_.output().finish(nullptr);
  EXPECT_EQ(sent(), "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(exchange_.may_go_on());
}

TEST_F(H1ExchangeTest, OldClientsHearNoInterimAnswers) {
  http::RequestHead head;
  head.minor_version = 0;
  head.keep_alive = false;
  begin(head);
  exchange_.inform(response(103));
  exchange_.start_response(response(204));
  exchange_.output().finish(nullptr);
  EXPECT_EQ(sent().find("103"), std::string::npos);
  EXPECT_FALSE(exchange_.may_go_on());
}

TEST_F(H1ExchangeTest, AnAnswerThatIsNotWholeEndsTheConnection) {
  begin();
  exchange_.start_response(response(200, http::Framing::chunked));
  exchange_.output().put("half");
  EXPECT_FALSE(exchange_.may_go_on());
  exchange_.abort(Error{});
  EXPECT_TRUE(exchange_.aborted());
  EXPECT_FALSE(exchange_.output().pending());
  EXPECT_FALSE(exchange_.may_go_on());
}

TEST_F(H1ExchangeTest, AnAnswerUntilTheEndIsTheLast) {
  begin();
  exchange_.start_response(response(200, http::Framing::until_close));
  exchange_.output().put("all");
  exchange_.output().finish(nullptr);
  const std::string text = sent();
  EXPECT_NE(text.find("Connection: close"), std::string::npos);
  EXPECT_FALSE(exchange_.may_go_on());
}

TEST_F(H1ExchangeTest, CountsTheBodyOnly) {
  begin();
  http::ResponseHead head = response(200, http::Framing::length);
  head.content_length = 5;
  exchange_.start_response(head);
  exchange_.output().put("hello");
  exchange_.output().finish(nullptr);
  EXPECT_EQ(exchange_.response_bytes(), 5u);
  EXPECT_TRUE(exchange_.response_started());
}

TEST_F(H1ExchangeTest, TellsThatTheServerDrainsAlsoThoseWhoComeLate) {
  begin();
  exchange_.watch_client(&watcher_);
  EXPECT_EQ(watcher_.drained, 0);
  exchange_.drain();
  EXPECT_EQ(watcher_.drained, 1);
  exchange_.watch_client(nullptr);
  exchange_.watch_client(&watcher_);
  EXPECT_EQ(watcher_.drained, 2);
  begin();  // the next request is another
  exchange_.watch_client(&watcher_);
  EXPECT_EQ(watcher_.drained, 2);
}

TEST_F(H1ExchangeTest, TellsThatTheClientWasReset) {
  begin();
  exchange_.watch_client(&watcher_);
  pair_.peer.reset();
  EXPECT_TRUE(drive(loop_, [&] { return watcher_.gone == 1; }));
  EXPECT_EQ(watcher_.error.side, Side::downstream);
  exchange_.watch_client(nullptr);
}

TEST_F(H1ExchangeTest, TellsAFinApartFromAReset) {
  begin();
  exchange_.watch_client(&watcher_);
  pair_.peer.shutdown_send();
  EXPECT_TRUE(drive(loop_, [&] { return watcher_.fin == 1; }));
  EXPECT_EQ(watcher_.gone, 0);
  exchange_.watch_client(nullptr);
}

TEST_F(H1ExchangeTest, NobodyIsToldWhenNobodyWatches) {
  begin();
  exchange_.watch_client(&watcher_);
  exchange_.watch_client(nullptr);
  pair_.peer.reset();
  test::settle(loop_);
  EXPECT_EQ(watcher_.gone + watcher_.fin, 0);
}

TEST_F(H1ExchangeTest, MoreOfTheNextRequestIsNoEnd) {
  begin();
  exchange_.watch_client(&watcher_);
  pair_.peer.send("GET / HTTP/1.1\r\n");
  test::settle(loop_);
  EXPECT_EQ(watcher_.gone + watcher_.fin, 0);
  exchange_.watch_client(nullptr);
}

TEST_F(H1ExchangeTest, CutTellsTheWatcher) {
  begin();
  exchange_.watch_client(&watcher_);
  exchange_.cut();
  EXPECT_EQ(watcher_.gone, 1);
  EXPECT_EQ(watcher_.error.code, Code::cancelled);
}

}  // namespace
}  // namespace postern::wire
