// The server's side of HTTP/2 over a socket pair, with a handler of the test's own and a client made of frames.
#include "wire/h2_server.h"

#include <gtest/gtest.h>

#include <coroutine>
#include <list>

#include "unit/wire/h2_peer.h"

namespace postern::wire {
namespace {

using test::drive;
using test::h2_frame;
using test::h2_request;
using test::H2Fields;
using test::settle;

/// What it does with a request is said by the path: /echo, /early, /empty, /abort, /silent, /hold, /large.
class Handler final : public RequestHandler {
 public:
  static constexpr std::size_t kLarge = 1'000'000;

  Task<void> serve(Exchange& exchange) override {
    ++served;
    const std::string path(exchange.request().path);
    head = exchange.request();
    if (path == "/abort") exchange.abort(Error{Code::internal, Side::self, Retry::never});
    if (path == "/abort" || path == "/silent") co_return;
    if (path == "/hold") {
      ++holding;
      co_await Hold{*this};
      --holding;
    }
    std::string body = path == "/large" ? std::string(kLarge, 'x') : path;
    if (path == "/echo") {
      const Result<void> whole = co_await read(exchange.request_body(), body);
      failure = exchange.request_body_failure();
      if (!whole) error = whole.error();
      if (!whole && failure.status == 0) {
        exchange.abort(whole.error());
        co_return;
      }
    }
    if (path == "/empty") body.clear();
    co_await answer(exchange, failure.status != 0 ? failure.status : 200, body);
  }
  Task<void> reject(Exchange& exchange, std::uint16_t status, const char* why) override {
    reason = why;
    co_await answer(exchange, status, reason);
  }
  void let_go() {
    for (const std::coroutine_handle<> waiter : std::exchange(held_, {})) waiter.resume();
  }

  int served = 0;
  int holding = 0;
  http::RequestHead head;
  BodyFailure failure;
  Error error{Code::ok};
  std::string reason;
  H2Fields trailers;

 private:
  struct Hold {
    Handler& handler;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) { handler.held_.push_back(waiter); }
    void await_resume() const noexcept {}
  };
  Task<Result<void>> read(BodySource& source, std::string& body) {
    body.clear();
    for (;;) {
      const std::string_view data = source.peek();
      body.append(data);
      source.consume(data.size());
      if (source.at_end()) break;
      if (!data.empty()) continue;
      const Result<void> more = co_await source.fill();
      if (!more) co_return more.error();
    }
    trailers.clear();
    for (std::size_t i = 0; i < source.trailers().size(); ++i)
      trailers.emplace_back(source.trailers()[i].name, source.trailers()[i].value);
    co_return Result<void>();
  }
  Task<void> answer(Exchange& exchange, std::uint16_t status, std::string_view text) {
    http::ResponseHead answer;
    answer.status = status;
    answer.framing = text.empty() ? http::Framing::none : http::Framing::length;
    answer.content_length = text.size();
    exchange.start_response(answer);
    BodySink& sink = exchange.response_body();
    sink.put(text);
    if (sink.wants_flush()) {
      const Result<void> flushed = co_await sink.flush();
      if (!flushed) co_return exchange.abort(flushed.error());
    }
    sink.finish(nullptr);
    const Result<void> flushed = co_await sink.flush();
    static_cast<void>(flushed);
  }

  std::vector<std::coroutine_handle<>> held_;
};

class H2ServerTest : public ::testing::Test, public H2Observer {
 protected:
  H2ServerTest() : pair_(test::make_pair(loop_)), peer_(std::move(pair_.peer)) {}
  ~H2ServerTest() override {
    handler_.let_go();
    peer_.end().close();
    if (running_) {
      EXPECT_TRUE(running_->finish());
    }
    running_.reset();
    server_.reset();
    stream_.close();
    loop_.finish();
  }
  void start() {
    stream_ = net::Stream(std::move(pair_.socket), Side::downstream);
    server_.emplace(stream_, client_, common_, settings_, handler_, exchanges_, *this);
    running_.emplace(loop_, server_->run());
  }
  void greet(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& settings = {}) {
    start();
    peer_.greet(settings);
    ASSERT_TRUE(drive(loop_, [&] { return peer_.read().settings_acked; }));
  }
  bool ended(std::int32_t id) {
    return drive(loop_, [&] { return peer_.read().answers[id].ended || peer_.answers[id].reset >= 0; });
  }
  bool gone(int patience_ms = 2'000) {
    return drive(
        loop_, [&] { return peer_.read().end().ended(); }, patience_ms);
  }
  void settle_all() {
    for (int i = 0; i < 3; ++i) {
      settle(loop_);
      peer_.read();
    }
  }
  void on_h2_event(H2Event event) noexcept override { ++events_[static_cast<std::size_t>(event)]; }
  int seen(H2Event event) { return events_[static_cast<std::size_t>(event)]; }

  net::Loop loop_;
  test::Pair pair_;
  test::H2Peer peer_;
  H1Settings common_;
  H2Settings settings_;
  Peer client_;
  Handler handler_;
  H2ExchangePool exchanges_;
  net::Stream stream_;
  std::optional<H2Server> server_;
  std::optional<test::RunningTask> running_;
  std::array<int, 32> events_{};
};

TEST_F(H2ServerTest, AnswersRequestsOfOneBatch) {
  greet();
  peer_.head(1, h2_request("POST", "/echo"), false);
  peer_.head(3, h2_request("GET", "/get"));
  peer_.data(1, "hello ");
  peer_.head(5, h2_request("HEAD", "/empty"));
  peer_.data(1, "world", true);
  for (const int id : {1, 3, 5}) EXPECT_TRUE(ended(id)) << id;
  EXPECT_EQ(peer_.answers[1].body, "hello world");
  EXPECT_EQ(peer_.answers[3].body, "/get");
  EXPECT_EQ(peer_.answers[3].get(":status"), "200");
  EXPECT_EQ(peer_.answers[3].get("content-length"), "4");
  EXPECT_EQ(peer_.answers[5].body, "");
  EXPECT_EQ(peer_.answers[5].reset, -1);
}

TEST_F(H2ServerTest, NothingUnansweredLooksAnswered) {
  greet();
  peer_.head(1, h2_request("GET", "/abort"));
  peer_.head(3, h2_request("GET", "/silent"));
  for (const int id : {1, 3}) {
    EXPECT_TRUE(ended(id));
    EXPECT_FALSE(peer_.answers[id].ended);
  }
  EXPECT_EQ(peer_.answers[1].reset, NGHTTP2_INTERNAL_ERROR);
  EXPECT_EQ(peer_.answers[3].reset, NGHTTP2_CANCEL);
}

TEST_F(H2ServerTest, AnEarlyAnswerIsWholeBeforeTheRestIsRefused) {
  greet();
  peer_.head(1, h2_request("POST", "/early"), false);
  ASSERT_TRUE(drive(loop_, [&] { return peer_.read().answers[1].reset >= 0; }));
  EXPECT_TRUE(peer_.answers[1].ended);
  EXPECT_EQ(peer_.answers[1].body, "/early");
  EXPECT_EQ(peer_.answers[1].reset, NGHTTP2_NO_ERROR);
}

TEST_F(H2ServerTest, AnEarlyAnswerThatHasToWaitRefusesTheRestAfterwards) {
  greet({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0x7fffffff}});
  peer_.window(0, 0x7fff0000);
  peer_.head(1, h2_request("GET", "/large"));
  settle(loop_);  // nobody reads: the connection is full
  peer_.head(3, h2_request("POST", "/empty"), false);
  settle(loop_);
  ASSERT_TRUE(drive(loop_, [&] { return peer_.read().answers[3].reset >= 0; }));
  EXPECT_TRUE(peer_.answers[3].ended);
  EXPECT_EQ(peer_.answers[3].reset, NGHTTP2_NO_ERROR);
  EXPECT_TRUE(ended(1));
  EXPECT_EQ(peer_.answers[1].body.size(), Handler::kLarge);
  EXPECT_EQ(seen(H2Event::reset_sent), 0);
}

// nghttp2 tells nothing of a bad head's end: whoever measures how long heads take must not take it for one that lasts.
TEST_F(H2ServerTest, ABadHeadLeavesNoClockRunning) {
  common_.header_timeout_ms = 60;
  greet();
  peer_.head(1, h2_request("GET", "/hold"));
  const H2Fields bad[] = {h2_request("GET", "/x", {{"Upper", "1"}}),
                          h2_request("GET", "/x", {{":late", "1"}}),
                          h2_request("GET", "/x", {{"connection", "close"}}),
                          {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}},
                          h2_request("GET", "/x", {{"content-length", "5"}})};
  std::int32_t id = 1;
  for (const H2Fields& fields : bad) {
    peer_.head(id += 2, fields);
    EXPECT_TRUE(ended(id));
    EXPECT_EQ(peer_.answers[id].reset, NGHTTP2_PROTOCOL_ERROR) << id;
    EXPECT_FALSE(gone(200)) << id;
  }
  EXPECT_EQ(handler_.served, 1);
  handler_.let_go();
  EXPECT_TRUE(ended(1));
  EXPECT_EQ(peer_.answers[1].body, "/hold");
}

// What the library refuses by itself: nothing of it may reach a handler.
TEST_F(H2ServerTest, MalformedHeadsAreStreamErrors) {
  settings_.max_glitches = 1000;
  greet();
  using namespace std::string_literals;
  const std::pair<const char*, H2Fields> rows[] = {
      {"H1 CR LF", h2_request("GET", "/x", {{"a", "1\r\nb: 2"}})},
      {"H1 LF", h2_request("GET", "/x", {{"a", "1\nb"}})},
      {"H1 NUL", h2_request("GET", "/x", {{"a", "1\0"s}})},
      {"H1 in a name", h2_request("GET", "/x", {{"a\r\nb", "1"}})},
      {"H1 colon in a name", h2_request("GET", "/x", {{"a:b", "1"}})},
      {"H1 upper case", h2_request("GET", "/x", {{"A", "1"}})},
      {"H1 empty name", h2_request("GET", "/x", {{"", "1"}})},
      {"H1 leading space", h2_request("GET", "/x", {{"a", " 1"}})},
      {"H1 trailing tab", h2_request("GET", "/x", {{"a", "1\t"}})},
      {"H1 in the path", h2_request("GET", "/x\r\ny")},
      {"H1 in the method", h2_request("GET / HTTP/1.1\r\n", "/x")},
      {"H2 method", h2_request("G T", "/x")},
      {"H3 twice", h2_request("GET", "/x", {{":path", "/y"}})},
      {"H3 late", h2_request("GET", "/x", {{"a", "1"}, {":protocol", "x"}})},
      {"H3 unknown", h2_request("GET", "/x", {{":what", "1"}})},
      {"H3 of an answer", h2_request("GET", "/x", {{":status", "200"}})},
      {"H3 no path", {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}}},
      {"H3 no scheme", {{":method", "GET"}, {":path", "/"}, {":authority", "h"}}},
      {"H3 no method", {{":path", "/"}, {":scheme", "http"}, {":authority", "h"}}},
      {"H5 connection", h2_request("GET", "/x", {{"connection", "x"}})},
      {"H5 keep-alive", h2_request("GET", "/x", {{"keep-alive", "x"}})},
      {"H5 proxy-connection", h2_request("GET", "/x", {{"proxy-connection", "x"}})},
      {"H5 transfer-encoding", h2_request("GET", "/x", {{"transfer-encoding", "chunked"}})},
      {"H5 upgrade", h2_request("GET", "/x", {{"upgrade", "h2c"}})},
      {"H5 te", h2_request("GET", "/x", {{"te", "gzip"}})},
      {"H6 twice", h2_request("GET", "/x", {{"content-length", "0"}, {"content-length", "0"}})},
      {"H6 no body", h2_request("GET", "/x", {{"content-length", "5"}})},
  };
  std::int32_t id = -1;
  for (const auto& [what, fields] : rows) {
    peer_.head(id += 2, fields);
    EXPECT_TRUE(ended(id)) << what;
    EXPECT_EQ(peer_.answers[id].reset, NGHTTP2_PROTOCOL_ERROR) << what;
  }
  EXPECT_EQ(handler_.served, 0);
  peer_.head(id += 2, h2_request("POST", "/echo", {{"content-length", "5"}}), false);
  peer_.data(id, "hell", true);
  EXPECT_TRUE(ended(id));
  EXPECT_EQ(peer_.answers[id].reset, NGHTTP2_PROTOCOL_ERROR) << "H6 less than promised";
  peer_.head(id += 2, h2_request("POST", "/echo", {{"content-length", "5"}}), false);
  peer_.data(id, "hello!", true);
  EXPECT_TRUE(ended(id));
  EXPECT_EQ(peer_.answers[id].reset, NGHTTP2_PROTOCOL_ERROR) << "H6 more than promised";
  peer_.head(id += 2, h2_request("POST", "/echo"), false);
  peer_.head(id, {{":path", "/"}});
  EXPECT_TRUE(ended(id));
  EXPECT_EQ(peer_.answers[id].reset, NGHTTP2_PROTOCOL_ERROR) << "H3 pseudo field in trailers";
  EXPECT_EQ(peer_.answers[id].ended, false);
}

TEST_F(H2ServerTest, AHeadThatDoesNotComeToItsEndEndsTheConnection) {
  common_.header_timeout_ms = 60;
  greet();
  const std::string block = test::hpack(h2_request("GET", "/x"));
  peer_.raw(h2_frame(NGHTTP2_HEADERS, 0, 1, block));  // CONTINUATION would follow
  EXPECT_TRUE(gone());
  ASSERT_FALSE(peer_.goaways.empty());
  EXPECT_EQ(peer_.goaways.back().code, NGHTTP2_NO_ERROR);
  EXPECT_EQ(handler_.served, 0);
}

TEST_F(H2ServerTest, SilenceEndsTheConnection) {
  common_.header_timeout_ms = 60;
  greet();
  EXPECT_TRUE(gone());
  ASSERT_EQ(peer_.goaways.size(), 1u);
  EXPECT_EQ(peer_.goaways[0].code, NGHTTP2_NO_ERROR);
}

TEST_F(H2ServerTest, AnswersAtOnceAreSignsOfLife) {
  common_.header_timeout_ms = common_.keepalive_timeout_ms = 400;
  greet();
  for (int i = 0; i < 6; ++i) {
    const std::int32_t id = 2 * i + 1;
    peer_.head(id, h2_request("GET", "/empty"));
    ASSERT_TRUE(ended(id));
    ASSERT_TRUE(peer_.answers[id].ended) << "request " << i;
    ASSERT_FALSE(gone(100)) << "after request " << i;
  }
  EXPECT_TRUE(gone());
}

TEST_F(H2ServerTest, DrainsInTwoSteps) {
  greet();
  peer_.answers_pings = false;
  peer_.head(1, h2_request("GET", "/hold"));
  settle_all();
  server_->drain();
  settle_all();
  ASSERT_EQ(peer_.goaways.size(), 1u);
  EXPECT_EQ(peer_.goaways[0].last, 0x7fffffffU);
  peer_.head(3, h2_request("GET", "/crossed"));  // sent before the client has heard
  EXPECT_TRUE(ended(3));
  EXPECT_EQ(peer_.answers[3].body, "/crossed");
  for (int i = 0; i < 50; ++i) peer_.ping(true);
  settle_all();
  ASSERT_EQ(peer_.goaways.size(), 2u) << "one answer to the ping is enough, more change nothing";
  EXPECT_EQ(peer_.goaways[1].last, 3u);
  peer_.head(5, h2_request("GET", "/late"));
  settle_all();
  EXPECT_EQ(handler_.served, 2);
  EXPECT_FALSE(peer_.end().ended());
  handler_.let_go();
  EXPECT_TRUE(gone());
  EXPECT_EQ(peer_.answers[1].body, "/hold");
}

TEST_F(H2ServerTest, AClientsGoodbyeCutsNoAnswer) {
  greet({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0x7fffffff}});
  peer_.window(0, 0x7fff0000);
  peer_.head(1, h2_request("GET", "/large"));
  peer_.raw(h2_frame(NGHTTP2_GOAWAY, 0, 0, std::string(8, '\0')));
  // The last bytes of the answer are with the session alone when something comes in.
  std::string got;
  ASSERT_TRUE(drive(
      loop_,
      [&] {
        char piece[3000];
        const ssize_t n = ::recv(peer_.end().fd(), piece, sizeof piece, MSG_DONTWAIT);
        if (n > 0) got.append(piece, static_cast<std::size_t>(n));
        if (n > 0) ::send(peer_.end().fd(), h2_frame(0x20, 0, 0).data(), 9, MSG_NOSIGNAL);
        return n == 0;
      },
      10'000));
  EXPECT_GT(got.size(), Handler::kLarge);
}

TEST_F(H2ServerTest, AResetHoldsItsPlaceUntilTheWorkHasStopped) {
  settings_.max_streams = 2;
  greet();
  for (const int id : {1, 3}) {
    peer_.head(id, h2_request("GET", "/hold"));
    peer_.reset(id, NGHTTP2_CANCEL);
  }
  settle_all();
  EXPECT_EQ(handler_.holding, 2);
  peer_.head(5, h2_request("GET", "/x"));
  EXPECT_TRUE(ended(5));
  EXPECT_EQ(peer_.answers[5].reset, NGHTTP2_REFUSED_STREAM);
  handler_.let_go();
  settle_all();
  peer_.head(7, h2_request("GET", "/x"));
  EXPECT_TRUE(ended(7));
  EXPECT_EQ(peer_.answers[7].body, "/x");
  EXPECT_EQ(seen(H2Event::refused), 1);
}

TEST_F(H2ServerTest, TrailersAreJudgedAsOnTheOtherWire) {
  greet();
  peer_.head(1, h2_request("POST", "/echo"), false);
  peer_.data(1, "body");
  peer_.head(1, {{"x-sum", "1"}, {"authorization", "Basic eA=="}, {"content-type", "text/html"}, {"x_sum", "2"}});
  EXPECT_TRUE(ended(1));
  EXPECT_EQ(handler_.trailers, (H2Fields{{"x-sum", "1"}}));
}

TEST_F(H2ServerTest, TrailersThatAreTooLargeAreNoEnd) {
  settings_.max_header_bytes = 4096;
  greet();
  peer_.head(1, h2_request("POST", "/echo"), false);
  peer_.data(1, "body");
  peer_.head(1, {{"x-one", "1"}, {"x-large", std::string(5000, 'x')}});
  EXPECT_TRUE(ended(1));
  EXPECT_EQ(peer_.answers[1].get(":status"), "431");
  EXPECT_EQ(handler_.error.code, Code::too_large);
}

TEST_F(H2ServerTest, HeadsThatAreTooLargeAreAnswered) {
  settings_.max_header_bytes = 4096;
  greet();
  peer_.head(1, h2_request("GET", "/x", {{"x-large", std::string(5000, 'x')}}));
  EXPECT_TRUE(ended(1));
  EXPECT_EQ(peer_.answers[1].get(":status"), "431");
}

TEST_F(H2ServerTest, BodiesOverTheLimitFail) {
  common_.max_body = 10;
  greet();
  peer_.head(1, h2_request("POST", "/echo"), false);
  peer_.data(1, "01234567890");
  EXPECT_TRUE(ended(1));
  EXPECT_EQ(peer_.answers[1].get(":status"), "413");
}

TEST_F(H2ServerTest, ASlowBodyTimesOut) {
  common_.body_timeout_ms = 40;
  greet();
  peer_.head(1, h2_request("POST", "/echo"), false);
  peer_.data(1, "part");
  EXPECT_TRUE(ended(1));
  EXPECT_EQ(handler_.error.code, Code::timeout);
}

TEST_F(H2ServerTest, AskedForContinueOnlyWhereABodyIsToCome) {
  greet();
  peer_.head(1, h2_request("POST", "/echo", {{"expect", "100-continue"}}), false);
  ASSERT_TRUE(drive(loop_, [&] { return !peer_.read().answers[1].fields.empty(); }));
  EXPECT_EQ(peer_.answers[1].get(":status"), "100");
  peer_.data(1, "x", true);
  EXPECT_TRUE(ended(1));
  peer_.head(3, h2_request("POST", "/echo", {{"expect", "100-continue"}}), true);
  EXPECT_TRUE(ended(3));
  EXPECT_EQ(peer_.answers[3].get(":status"), "200");
  EXPECT_FALSE(handler_.head.expect_continue);
}

TEST_F(H2ServerTest, CutEndsWhatIsOnItsWay) {
  greet();
  peer_.head(1, h2_request("POST", "/echo"), false);
  settle_all();
  server_->cut();
  EXPECT_TRUE(running_->finish());
  EXPECT_FALSE(peer_.answers[1].ended);
  EXPECT_TRUE(server_->is_cut());
}

TEST_F(H2ServerTest, FloodsEndTheConnection) {
  const std::string floods[] = {
      h2_frame(NGHTTP2_PING, 0, 0, "12345678"),
      h2_frame(NGHTTP2_SETTINGS, 0, 0),
      h2_frame(NGHTTP2_PRIORITY, 0, 1, std::string(4, '\0') + "\x10"),
      h2_frame(NGHTTP2_DATA, 0, 1),
      h2_frame(NGHTTP2_WINDOW_UPDATE, 0, 0, test::big_endian(1, 4)),
  };
  for (const std::string& one : floods) {
    test::Pair pair = test::make_pair(loop_);
    test::H2Peer client(std::move(pair.peer));
    net::Stream stream(std::move(pair.socket), Side::downstream);
    H2Server server(stream, client_, common_, settings_, handler_, exchanges_, *this);
    test::RunningTask running(loop_, server.run());
    client.greet();
    client.head(1, h2_request("POST", "/echo"), false);
    settle(loop_);
    std::string many;
    for (int i = 0; i < 1500; ++i) many += one;
    ::send(client.end().fd(), many.data(), many.size(), MSG_NOSIGNAL);
    EXPECT_TRUE(drive(loop_, [&] { return client.read().end().ended(); }));
    ASSERT_FALSE(client.goaways.empty());
    EXPECT_EQ(client.goaways.back().code, NGHTTP2_ENHANCE_YOUR_CALM) << static_cast<int>(one[3]);
    client.end().close();
    EXPECT_TRUE(running.finish());
  }
}

}  // namespace
}  // namespace postern::wire
