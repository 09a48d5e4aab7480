// What a request's fields make of it on HTTP/2, one table for what is refused. What nghttp2 refuses by itself (form and
// order of the pseudo fields, bytes of names and values, connection fields) is in h2_server_test.cc.
#include "wire/h2_request.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace postern::wire {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

class H2RequestTest : public ::testing::Test {
 protected:
  /// The status that it is refused with; 0: fine, -1: the stream is reset.
  int judge(const Fields& fields, bool end_stream = true) {
    texts_.clear();
    H2Request request;
    request.begin(head_, texts_, pool_, settings_);
    for (const auto& [name, value] : fields) {
      if (!request.add(name, value)) return -1;
    }
    return request.finish(end_stream).status;
  }
  static Fields get(const std::string& path, const Fields& more = {}) { return of("GET", path, more); }
  static Fields of(const std::string& method, const std::string& path, const Fields& more = {}) {
    Fields fields{{":method", method}, {":scheme", "https"}, {":authority", "h.example"}, {":path", path}};
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
  }
  [[nodiscard]] Fields kept() const {
    Fields out;
    for (std::size_t i = 0; i < head_.fields.size(); ++i) out.emplace_back(head_.fields[i].name, head_.fields[i].value);
    return out;
  }

  BufferPool pool_;
  H1Settings settings_;
  H2Arena texts_;
  http::RequestHead head_;
};

TEST_F(H2RequestTest, MakesAHead) {
  ASSERT_EQ(judge(get("/a/b?q=1", {{"accept", "*/*"}, {"x-one", "1"}, {"te", "trailers"}})), 0);
  EXPECT_EQ(head_.method, http::Method::get);
  EXPECT_EQ(head_.authority, "h.example");
  EXPECT_EQ(head_.host, "h.example");
  EXPECT_EQ(head_.path, "/a/b");
  EXPECT_EQ(head_.query, "?q=1");
  EXPECT_EQ(head_.framing, http::Framing::none);
  EXPECT_EQ(head_.minor_version, 2);
  EXPECT_TRUE(head_.accepts_trailers);
  EXPECT_EQ(kept().size(), 2u) << "TE ends here";
}

TEST_F(H2RequestTest, Outcomes) {
  struct Row {
    const char* what;
    Fields fields;
    int status;
    bool end_stream = true;
  };
  const std::string long_value(20'000, 'x');
  const Row rows[] = {
      {"H2 no slash", get("x"), 400},
      {"H2 empty path", get(""), 400},
      {"H2 absolute", get("http://h.example/"), 400},
      {"H2 space", get("/a b"), 400},
      {"H2 fragment", get("/a#b"), 400},
      {"H2 control", get("/a\x01"), 400},
      {"H2 bad escape", get("/%zz"), 400},
      {"H2 encoded slash", get("/a%2fb"), 400},
      {"H2 encoded nul", get("/%00"), 400},
      {"H2 above the root", get("/../../x"), 400},
      {"H2 star for GET", get("*"), 400},
      {"H2 star for OPTIONS", of("OPTIONS", "*"), 0},
      {"H2 method no token", of("G T", "/"), -1},
      {"H2 empty method", of("", "/"), -1},
      {"H2 long method", of(std::string(33, 'M'), "/"), 501},
      {"H2 other scheme", {{":scheme", "ftp"}}, -1},
      {"H2 userinfo", {{":method", "GET"}, {":scheme", "http"}, {":authority", "u@h"}, {":path", "/"}}, 400},
      {"H2 authority with a slash",
       {{":method", "GET"}, {":scheme", "http"}, {":authority", "h/"}, {":path", "/"}},
       400},
      {"H2 two hosts in one", {{":method", "GET"}, {":scheme", "http"}, {":authority", "a,b"}, {":path", "/"}}, 400},
      {"H2 bad port", {{":method", "GET"}, {":scheme", "http"}, {":authority", "h:99999"}, {":path", "/"}}, 400},
      {"H2 target too long", get("/" + std::string(9000, 'x')), 414},
      {"H3 unknown pseudo", {{":what", "x"}}, -1},
      {"H3 of an answer", {{":status", "200"}}, -1},
      {"H3 empty name", {{"", "x"}}, -1},
      {"H4 Host differs", get("/", {{"host", "other.example"}}), 400},
      {"H4 Host is the same", get("/", {{"host", "H.example"}}), 0},
      {"H4 with the default port", get("/", {{"host", "h.example:80"}}), 0},
      {"H4 with another port", get("/", {{"host", "h.example:81"}}), 400},
      {"H4 two Hosts", get("/", {{"host", "h.example"}, {"host", "h.example"}}), 400},
      {"H4 bad Host", get("/", {{"host", "h example"}}), 400},
      {"H4 Host alone", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "h"}}, 0},
      {"H4 neither", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}, 400},
      {"H6 length without a body", get("/", {{"content-length", "5"}}), 400},
      {"H6 no length, no body", get("/", {{"content-length", "0"}}), 0},
      {"H6 sign", of("POST", "/", {{"content-length", "+5"}}), 400, false},
      {"H6 no number", of("POST", "/", {{"content-length", "x"}}), 400, false},
      {"H6 list", of("POST", "/", {{"content-length", "5, 5"}}), 400, false},
      {"H6 overflow", of("POST", "/", {{"content-length", "99999999999999999999"}}), 400, false},
      {"underscore", get("/", {{"x_y", "1"}}), 400},
      {"unknown expectation", of("POST", "/", {{"expect", "magic"}}), 417, false},
      {"protocol without CONNECT", get("/", {{":protocol", "websocket"}}), 400},
      {"another protocol", of("CONNECT", "/", {{":protocol", "connect-udp"}}), 501, false},
      {"WebSocket version", of("CONNECT", "/", {{":protocol", "websocket"}, {"sec-websocket-version", "8"}}), 400,
       false},
      {"WebSocket that ends", of("CONNECT", "/", {{":protocol", "websocket"}, {"sec-websocket-version", "13"}}), 400,
       true},
      {"WebSocket with a length",
       of("CONNECT", "/", {{":protocol", "websocket"}, {"sec-websocket-version", "13"}, {"content-length", "1"}}), 400,
       false},
      {"large value", get("/", {{"x", long_value}}), 0},
  };
  for (const Row& row : rows) EXPECT_EQ(judge(row.fields, row.end_stream), row.status) << row.what;
}

TEST_F(H2RequestTest, CountsFields) {
  settings_.limits.fields = 3;
  EXPECT_EQ(judge(get("/", {{"a", "1"}, {"b", "1"}, {"c", "1"}})), 0);
  EXPECT_EQ(judge(get("/", {{"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "1"}})), 431);
}

TEST_F(H2RequestTest, FramesWithoutALengthAreChunks) {
  ASSERT_EQ(judge(of("POST", "/"), false), 0);
  EXPECT_EQ(head_.framing, http::Framing::chunked);
  ASSERT_EQ(judge(of("POST", "/", {{"content-length", "5"}}), false), 0);
  EXPECT_EQ(head_.framing, http::Framing::length);
  EXPECT_EQ(head_.content_length, 5u);
}

TEST_F(H2RequestTest, JoinsCrumbsOfCookies) {
  ASSERT_EQ(judge(get("/", {{"cookie", "a=1"}, {"x", "1"}, {"cookie", "b=2"}, {"cookie", "c=3"}})), 0);
  EXPECT_EQ(head_.fields.find("Cookie"), "a=1; b=2; c=3");
  EXPECT_EQ(head_.fields.size(), 2u);
}

TEST_F(H2RequestTest, WebSocketLooksAsOnHttp1) {
  ASSERT_EQ(judge(of("CONNECT", "/chat",
                     {{":protocol", "websocket"}, {"sec-websocket-version", "13"}, {"sec-websocket-key", "abc"}}),
                  false),
            0);
  EXPECT_EQ(head_.protocol, "websocket");
  EXPECT_EQ(head_.method, http::Method::get);
  EXPECT_EQ(head_.method_token, "GET");
  EXPECT_EQ(head_.framing, http::Framing::until_close);
  EXPECT_FALSE(head_.fields.find("Sec-WebSocket-Key").data());
}

TEST_F(H2RequestTest, UnderscoresCanBeDropped) {
  settings_.limits.underscores = config::Underscores::drop;
  ASSERT_EQ(judge(get("/", {{"x_y", "1"}, {"x-z", "1"}})), 0);
  EXPECT_EQ(kept(), (Fields{{"x-z", "1"}}));
}

TEST_F(H2RequestTest, StartsOverForTheNext) {
  EXPECT_EQ(judge(of("POST", "/", {{"expect", "magic"}, {"content-length", "5"}}), false), 417);
  ASSERT_EQ(judge(get("/next")), 0);
  EXPECT_EQ(head_.framing, http::Framing::none);
  EXPECT_FALSE(head_.expect_continue);
  EXPECT_EQ(head_.content_length, 0u);
  EXPECT_EQ(head_.fields.size(), 0u);
}

}  // namespace
}  // namespace postern::wire
