// The client's side of HTTP/2 over a socket pair, against a server made of nghttp2: what it sends, what it makes of
// answers, and that nothing broken ever looks whole.
#include "wire/h2_client.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <vector>

#include "unit/net/loop_support.h"

namespace postern::wire {
namespace {

using test::drive;
using test::settle;

constexpr std::string_view kPing("\0\0\x08\x06\0\0\0\0\0abcdefgh", 17);

/// A server that records requests and says what the test tells it to.
class Server {
 public:
  struct Seen {
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;
    bool ended = false;
    std::optional<std::uint32_t> reset;
    [[nodiscard]] std::string get(const std::string& name) const {
      for (const auto& [key, value] : fields) {
        if (key == name) return value;
      }
      return "(none)";
    }
  };

  explicit Server(test::PeerEnd peer) : peer_(std::move(peer)) {
    nghttp2_session_callbacks* table = nullptr;
    nghttp2_session_callbacks_new(&table);
    nghttp2_session_callbacks_set_on_header_callback(
        table, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t n,
                  const std::uint8_t* value, std::size_t v, std::uint8_t, void* self) {
          static_cast<Server*>(self)->seen[frame->hd.stream_id].fields.emplace_back(
              std::string(reinterpret_cast<const char*>(name), n),
              std::string(reinterpret_cast<const char*>(value), v));
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        table,
        [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t n, void* self) {
          static_cast<Server*>(self)->seen[id].body.append(reinterpret_cast<const char*>(data), n);
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        table, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          Server& server = *static_cast<Server*>(self);
          const std::int32_t id = frame->hd.stream_id;
          if (frame->hd.type == NGHTTP2_GOAWAY) server.goaway = frame->goaway.error_code;
          if (frame->hd.type == NGHTTP2_RST_STREAM) server.seen[id].reset = frame->rst_stream.error_code;
          if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) ++server.pings;
          if (id != 0 && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) server.seen[id].ended = true;
          return 0;
        });
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_http_messaging(options, 1);  // what is wrong must go out as it is
    nghttp2_session_server_new2(&session_, table, this, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(table);
  }
  ~Server() { nghttp2_session_del(session_); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void settings(std::vector<nghttp2_settings_entry> entries = {}) {
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
  }
  void step() {
    const std::string bytes = peer_.receive();
    if (!bytes.empty())
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    flush();
  }
  void flush() {
    const std::uint8_t* bytes = nullptr;
    for (ssize_t n; (n = nghttp2_session_mem_send(session_, &bytes)) > 0;)
      peer_.send({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n)});
  }
  using Fields = std::vector<std::pair<std::string, std::string>>;
  void head(std::int32_t id, const Fields& fields, bool end = false) {
    std::vector<nghttp2_nv> all;
    for (const auto& [name, value] : fields)
      all.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    nghttp2_submit_headers(session_, end ? NGHTTP2_FLAG_END_STREAM : 0, id, nullptr, all.data(), all.size(), nullptr);
    flush();
  }
  /// As a frame of our own: nghttp2 asks for data where the test has it.
  void data(std::int32_t id, std::string_view text, bool end = false) {
    flush();
    std::string frame{'\0', '\0', static_cast<char>(text.size()), '\0', static_cast<char>(end ? 1 : 0)};
    for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(id >> shift);
    raw(frame + std::string(text));
  }
  void reset(std::int32_t id, std::uint32_t code) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, code);
    flush();
  }
  void go_away(std::int32_t last) {
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
    flush();
  }
  void raw(std::string_view bytes) { EXPECT_TRUE(peer_.send(bytes)); }
  test::PeerEnd& peer() { return peer_; }

  std::map<std::int32_t, Seen> seen;
  std::optional<std::uint32_t> goaway;
  int pings = 0;

 private:
  static std::uint8_t* bytes_of(const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  }
  test::PeerEnd peer_;
  nghttp2_session* session_ = nullptr;
};

http::RequestHead request(http::Method method = http::Method::get) {
  http::RequestHead head;
  head.method = method;
  head.method_token = method == http::Method::head ? "HEAD" : method == http::Method::post ? "POST" : "GET";
  head.authority = head.host = "h";
  head.path = "/x";
  return head;
}

std::string text_of(const Error& error) {
  constexpr std::string_view kRetry[] = {"never", "if_reused", "always"};
  return std::string(to_string(error.code)) + "/" + std::string(kRetry[static_cast<int>(error.retry)]);
}

/// Everything an answer said, as one line: "103 200 body trailers" or "200 part ! reset/never".
Task<std::string> read_answer(UpstreamExchange& up) {
  std::string out;
  do {
    const Result<void> head = co_await up.read_head();
    if (!head) co_return out + "! " + text_of(head.error());
    out += std::to_string(up.response().status) + " ";
  } while (up.response().status < 200 && up.response().status != 101);
  BodySource& body = up.response_body();
  for (;;) {
    const std::string_view data = body.peek();
    out += data;
    body.consume(data.size());
    if (body.at_end()) break;
    if (!data.empty()) continue;
    const Result<void> more = co_await body.fill();
    if (!more) co_return out + " ! " + text_of(more.error());
  }
  const http::Fields& trailers = body.trailers();
  for (std::size_t i = 0; i < trailers.size(); ++i)
    out += " " + std::string(trailers[i].name) + "=" + std::string(trailers[i].value);
  co_return out;
}

struct Watcher final : SharedWatcher {
  void on_shared_idle(SharedConnection&, bool idle) noexcept override { idles += idle ? 1 : -1; }
  void on_shared_lost(SharedConnection&) noexcept override { ++lost; }
  int idles = 0;
  int lost = 0;
};

using Lease = std::unique_ptr<UpstreamConnection, Dispose>;

class H2ClientTest : public ::testing::Test {
 protected:
  H2ClientTest() { connect({.h2 = {}, .idle_timeout_ms = 60'000}); }
  ~H2ClientTest() override {
    running_.reset();
    lease_.reset();
    client_.reset();
    settle(loop_);
    loop_.finish();
  }
  void connect(const H2ClientSettings& settings, std::vector<nghttp2_settings_entry> theirs = {}) {
    client_.reset();
    settle(loop_);
    test::Pair pair = test::make_tcp_pair(loop_);
    server_.emplace(std::move(pair.peer));
    server_->settings(std::move(theirs));
    client_ = std::make_shared<H2Client>(net::Stream(std::move(pair.socket), Side::upstream), settings);
    client_->watch(&watcher_);
    EXPECT_TRUE(client_->start());
    step();
  }
  /// Both sides say and hear all that there is.
  void step() {
    for (int i = 0; i < 4; ++i) {
      settle(loop_);
      server_->step();
    }
    settle(loop_);
  }
  UpstreamExchange& ask(const http::RequestHead& head = request()) {
    lease_ = client_->lease();
    UpstreamExchange& up = lease_->open();
    up.start_request(head);
    if (head.framing == http::Framing::none) up.request_body().finish(nullptr);
    running_.emplace(loop_, read_answer(up));
    step();
    return up;
  }
  std::string answer() {
    step();
    return running_->get();
  }
  static Server::Fields ok() { return {{":status", "200"}}; }

  net::Loop loop_;
  Watcher watcher_;
  std::optional<Server> server_;
  std::shared_ptr<H2Client> client_;
  Lease lease_;
  std::optional<test::Running<std::string>> running_;
};

TEST_F(H2ClientTest, SendsWhatTheHeadSays) {
  http::RequestHead head = request(http::Method::post);
  head.query = "?q=1";
  head.framing = http::Framing::length;
  head.content_length = 4;
  head.accepts_trailers = true;
  for (const auto& [name, value] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"Host", "other"},
                                                                  {"X-MiXed", "V"},
                                                                  {"Connection", "x"},
                                                                  {"Authorization", "secret"},
                                                                  {"Transfer-Encoding", "chunked"},
                                                                  {"Content-Length", "9"},
                                                                  {"X-Request-ID", "1"}})
    head.fields.add(name, value);
  UpstreamExchange& up = ask(head);
  up.request_body().put("body");
  up.request_body().finish(nullptr);
  step();
  const Server::Seen& seen = server_->seen[1];
  const Server::Fields expected{{":method", "POST"}, {":scheme", "http"},         {":authority", "h"},
                                {":path", "/x?q=1"}, {"content-length", "4"},     {"te", "trailers"},
                                {"x-mixed", "V"},    {"authorization", "secret"}, {"x-request-id", "1"}};
  EXPECT_EQ(seen.fields, expected);
  EXPECT_EQ(seen.body, "body");
  EXPECT_TRUE(seen.ended);
  server_->head(1, ok(), true);
  EXPECT_EQ(answer(), "200 ");
}

TEST_F(H2ClientTest, ReadsBodiesAndTrailers) {
  ask();
  server_->head(1, {{":status", "200"}, {"X-A", "1"}});
  server_->data(1, "one ");
  server_->data(1, "two");
  server_->head(1, {{"x-sum", "7"}, {"content-type", "never"}}, true);
  EXPECT_EQ(answer(), "200 one two x-sum=7");
  EXPECT_EQ(static_cast<H2ClientStream&>(*lease_).response().framing, http::Framing::chunked);
}

TEST_F(H2ClientTest, AnInterimHeadComesBeforeTheFinalOne) {
  ask();
  server_->head(1, {{":status", "103"}, {"link", "</a>"}});
  server_->head(1, ok());
  server_->data(1, "x", true);
  EXPECT_EQ(answer(), "103 200 x");
}

TEST_F(H2ClientTest, DecidesFramingFromTheHead) {
  struct Row {
    http::Method method;
    Server::Fields fields;
    bool end;
    http::Framing framing;
  };
  const Row rows[] = {
      {http::Method::get, {{":status", "200"}, {"content-length", "3"}}, false, http::Framing::length},
      {http::Method::get, {{":status", "200"}}, false, http::Framing::chunked},
      {http::Method::get, {{":status", "200"}}, true, http::Framing::none},
      {http::Method::head, {{":status", "200"}, {"content-length", "3"}}, true, http::Framing::none},
      {http::Method::get, {{":status", "204"}}, true, http::Framing::none},
      {http::Method::get, {{":status", "304"}, {"content-length", "3"}}, true, http::Framing::none},
  };
  std::int32_t id = 1;
  for (const Row& row : rows) {
    UpstreamExchange& up = ask(request(row.method));
    server_->head(id, row.fields, row.end);
    if (!row.end) server_->data(id, "abc", true);
    EXPECT_EQ(answer().substr(0, 3), row.fields[0].second);
    EXPECT_EQ(up.response().framing, row.framing) << id;
    lease_.reset();
    id += 2;
  }
}

TEST_F(H2ClientTest, RefusesBadHeads) {
  const Server::Fields rows[] = {
      {{":status", "99"}},
      {{":status", "600"}},
      {{":status", "20x"}},
      {{":status", "101"}},
      {{"x", "no status"}},
      {{":status", "200"}, {":path", "/"}},
      {{":status", "200"}, {":status", "200"}},
      {{":status", "200"}, {"connection", "close"}},
      {{":status", "200"}, {"transfer-encoding", "chunked"}},
      {{":status", "200"}, {"content-length", "1"}, {"content-length", "2"}},
      {{":status", "200"}, {"content-length", "-1"}},
      {{":status", "200"}, {"bad name", "1"}},
      {{":status", "200"}, {"x", "a\nb"}},
      {{":status", "200"}, {"x", std::string(60'000, 'x')}},
  };
  std::int32_t id = 1;
  for (const Server::Fields& fields : rows) {
    ask();
    server_->head(id, fields);
    const std::string got = answer();
    EXPECT_TRUE(got == "! malformed/never" || got == "! too_large/never") << id << " " << got;
    lease_.reset();
    id += 2;
  }
  EXPECT_FALSE(client_->failed());
}

TEST_F(H2ClientTest, NothingBrokenLooksWhole) {
  const std::vector<std::pair<std::string, std::function<void(Server&, std::int32_t)>>> rows{
      {"200 abc ! reset/never", [](Server& s, std::int32_t id) { s.reset(id, NGHTTP2_NO_ERROR); }},
      {"200 abc ! reset/never", [](Server& s, std::int32_t id) { s.reset(id, NGHTTP2_INTERNAL_ERROR); }},
      {"200 abc ! reset/never", [](Server& s, std::int32_t id) { s.reset(id, NGHTTP2_REFUSED_STREAM); }},
      {"200 abc ! malformed/never", [](Server& s, std::int32_t id) { s.data(id, "", true); }},    // too short
      {"200 abc ! malformed/never", [](Server& s, std::int32_t id) { s.data(id, "12345678"); }},  // too long
  };
  std::int32_t id = 1;
  for (const auto& [expected, breaks] : rows) {
    ask();
    server_->head(id, {{":status", "200"}, {"content-length", "5"}});
    server_->data(id, "abc");
    step();
    breaks(*server_, id);
    EXPECT_EQ(answer(), expected) << id;
    lease_.reset();
    id += 2;
  }
  EXPECT_FALSE(client_->failed());
}

TEST_F(H2ClientTest, RefusedOrLeftOutMayAlwaysBeRepeated) {
  ask();
  server_->reset(1, NGHTTP2_REFUSED_STREAM);
  EXPECT_EQ(answer(), "! closed/always");
  lease_.reset();
  ask();
  server_->go_away(1);
  EXPECT_EQ(answer(), "! closed/always");
  EXPECT_FALSE(client_->has_room());
}

TEST_F(H2ClientTest, GoAwayLetsOthersFinish) {
  ask();
  server_->go_away(1);
  step();
  EXPECT_FALSE(client_->has_room());
  server_->head(1, ok());
  server_->data(1, "late", true);
  EXPECT_EQ(answer(), "200 late");
  lease_.reset();
  step();
  EXPECT_TRUE(client_->failed());
  EXPECT_EQ(watcher_.lost, 1);
}

TEST_F(H2ClientTest, ALostConnectionIsStaleOnlyForItsLaterRequests) {
  ask();
  server_->peer().close();
  EXPECT_EQ(running_->get(), "! closed/never");
  lease_.reset();
  connect({.h2 = {}, .idle_timeout_ms = 60'000});
  ask();
  server_->head(1, ok(), true);
  EXPECT_EQ(answer(), "200 ");
  lease_.reset();
  ask();
  server_->peer().close();
  EXPECT_EQ(running_->get(), "! closed/if_reused");
  EXPECT_TRUE(drive(loop_, [&] { return watcher_.lost == 2; }));
}

TEST_F(H2ClientTest, TheAnswerCountsWhenTheUploadIsStopped) {
  http::RequestHead head = request(http::Method::post);
  head.framing = http::Framing::chunked;
  UpstreamExchange& up = ask(head);
  up.request_body().put("some");
  server_->head(1, ok());
  server_->data(1, "enough", true);
  server_->reset(1, NGHTTP2_NO_ERROR);
  EXPECT_EQ(answer(), "200 enough");
  EXPECT_EQ(up.request_body().try_flush(), Flushed::failed);
}

TEST_F(H2ClientTest, CancellingResetsAndWakes) {
  UpstreamExchange& up = ask();
  up.cancel(Error{Code::cancelled, Side::downstream, Retry::never});
  EXPECT_EQ(answer(), "! cancelled/never");
  EXPECT_EQ(server_->seen[1].reset, NGHTTP2_CANCEL);
}

TEST_F(H2ClientTest, AnAbandonedLeaseResetsItsStream) {
  ask();
  server_->head(1, ok());
  step();
  static_cast<H2ClientStream&>(*lease_).cancel(Error{Code::cancelled, Side::self, Retry::never});
  static_cast<void>(answer());
  lease_.reset();
  step();
  EXPECT_EQ(server_->seen[1].reset, NGHTTP2_CANCEL);
  EXPECT_TRUE(client_->has_room());
  EXPECT_EQ(client_->in_use(), 0u);
}

TEST_F(H2ClientTest, HasRoomForAsManyAsBothAllow) {
  connect({.h2 = {.max_streams = 3}, .idle_timeout_ms = 60'000}, {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}});
  Lease first = client_->lease();
  EXPECT_TRUE(client_->has_room());
  Lease second = client_->lease();
  EXPECT_FALSE(client_->has_room());
  second.reset();
  EXPECT_TRUE(client_->has_room());
  server_->settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 50}});
  step();
  EXPECT_EQ(client_->capacity(), 3u);
}

TEST_F(H2ClientTest, RetiresAfterItsLastRequest) {
  connect({.h2 = {}, .idle_timeout_ms = 60'000, .max_age_ms = 0, .max_requests = 2});
  ask();
  server_->head(1, ok(), true);
  EXPECT_EQ(answer(), "200 ");
  lease_.reset();
  EXPECT_TRUE(client_->has_room());
  ask();
  EXPECT_FALSE(client_->has_room());
  server_->head(3, ok(), true);
  EXPECT_EQ(answer(), "200 ");
  lease_.reset();
  step();
  EXPECT_TRUE(client_->failed());
  EXPECT_EQ(server_->goaway, NGHTTP2_NO_ERROR);
}

TEST_F(H2ClientTest, ClosesWhenItHasBeenIdleForLong) {
  connect({.h2 = {}, .idle_timeout_ms = 30});
  ask();
  server_->head(1, ok(), true);
  EXPECT_EQ(answer(), "200 ");
  lease_.reset();
  EXPECT_TRUE(drive(loop_, [&] { return client_->failed(); }));
  server_->step();
  EXPECT_EQ(server_->goaway, NGHTTP2_NO_ERROR);
}

TEST_F(H2ClientTest, AFloodEndsIt) {
  ask();
  for (int i = 0; i < 600; ++i) server_->raw(kPing);
  EXPECT_TRUE(drive(loop_, [&] { return client_->failed(); }));
  EXPECT_EQ(running_->get(), "! malformed/never");
}

TEST_F(H2ClientTest, TellsWhenItIsIdle) {
  EXPECT_EQ(watcher_.idles, 0);
  Lease one = client_->lease();
  Lease two = client_->lease();
  EXPECT_EQ(watcher_.idles, -1);
  one.reset();
  two.reset();
  EXPECT_EQ(watcher_.idles, 0);
}

TEST_F(H2ClientTest, AnswersTimeOutAlone) {
  lease_ = client_->lease();
  UpstreamExchange& up = lease_->open();
  up.set_read_timeout(20);
  up.start_request(request());
  running_.emplace(loop_, read_answer(up));
  EXPECT_EQ(running_->get(), "! timeout/never");
  EXPECT_TRUE(client_->has_room());
}

TEST_F(H2ClientTest, ATunnelNeedsThePeersConsent) {
  http::RequestHead head = request();
  head.protocol = "websocket";
  head.framing = http::Framing::until_close;
  ask(head);
  EXPECT_EQ(answer(), "! not_implemented/never");
  lease_.reset();
  connect({.h2 = {}, .idle_timeout_ms = 60'000}, {{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}});
  UpstreamExchange& up = ask(head);
  EXPECT_EQ(server_->seen[1].get(":method"), "CONNECT");
  EXPECT_EQ(server_->seen[1].get(":protocol"), "websocket");
  server_->head(1, ok());
  server_->data(1, "frames", true);
  EXPECT_EQ(answer(), "101 frames");
  EXPECT_EQ(up.response().framing, http::Framing::until_close);
}

TEST_F(H2ClientTest, TheEndOfATunnelIsNotLostToItsReset) {
  http::RequestHead head = request();
  head.protocol = "websocket";
  head.framing = http::Framing::until_close;
  for (const bool cancelled : {false, true}) {
    connect({.h2 = {}, .idle_timeout_ms = 60'000}, {{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}});
    UpstreamExchange& up = ask(head);
    server_->head(1, ok());
    server_->data(1, "all", !cancelled);
    if (!cancelled) {
      EXPECT_EQ(answer(), "101 all");
    }
    step();
    up.request_body().put("Close");
    up.request_body().finish(nullptr);
    EXPECT_EQ(up.request_body().try_flush(), Flushed::done);
    // In the same batch, before anything has left:
    if (cancelled) {
      up.cancel(Error{Code::cancelled, Side::self, Retry::never});
      EXPECT_EQ(running_->get(), "101 all ! cancelled/never");
    }
    lease_.reset();
    step();
    EXPECT_EQ(server_->seen[1].body, "Close");
    EXPECT_TRUE(server_->seen[1].ended);
    // One that the server has ended, too, has no more to be reset.
    EXPECT_EQ(server_->seen[1].reset.has_value(), cancelled);
  }
}

TEST_F(H2ClientTest, ATunnelWaitsForTheFirstSettings) {
  test::Pair pair = test::make_tcp_pair(loop_);
  Server late(std::move(pair.peer));
  const auto client = std::make_shared<H2Client>(net::Stream(std::move(pair.socket), Side::upstream),
                                                 H2ClientSettings{.h2 = {}, .idle_timeout_ms = 60'000});
  ASSERT_TRUE(client->start());
  http::RequestHead head = request();
  head.protocol = "websocket";
  head.framing = http::Framing::until_close;
  Lease lease = client->lease();
  UpstreamExchange& up = lease->open();
  up.start_request(head);
  test::Running<std::string> running(loop_, read_answer(up));
  settle(loop_);
  late.settings({{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}});
  for (int i = 0; i < 4; ++i) {
    late.step();
    settle(loop_);
  }
  EXPECT_EQ(late.seen[1].get(":protocol"), "websocket");
  late.head(1, {{":status", "403"}}, true);
  EXPECT_EQ(running.get(), "403 ");
}

TEST_F(H2ClientTest, WhoeverHoldsTheLastLeaseClosesIt) {
  ask();
  client_->watch(nullptr);
  client_->retire();
  client_.reset();
  server_->head(1, ok());
  server_->data(1, "end", true);
  EXPECT_EQ(answer(), "200 end");
  lease_.reset();
  EXPECT_TRUE(drive(loop_, [&] {
    server_->step();
    return server_->peer().ended();
  }));
  EXPECT_EQ(server_->goaway, NGHTTP2_NO_ERROR);
  EXPECT_FALSE(server_->peer().broken());
}

}  // namespace
}  // namespace postern::wire
