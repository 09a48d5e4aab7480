// The control plane's HTTP client: answers whole, kept connections, and every way in which a server can be no help.
#include "net/http_client.h"

#include <gtest/gtest.h>

#include "net/resolve.h"
#include "unit/net/loop_support.h"
#include "unit/net/scripted_server.h"

namespace postern::net {
namespace {

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

HttpClient::Options to(std::uint16_t port, std::int64_t timeout_ms = 2'000) {
  HttpClient::Options options;
  options.origin = *config::parse_http_url("http://127.0.0.1:" + std::to_string(port) + "/v1/traces");
  options.timeout_ms = timeout_ms;
  return options;
}

Code code_of(const Result<HttpResponse>& response) { return response ? Code::ok : response.error().code; }

struct Fetch {
  Fetch(Loop& loop, HttpClient& client, HttpRequest r) : request(std::move(r)), running(loop, client.fetch(request)) {}
  const HttpRequest request;
  test::Running<Result<HttpResponse>> running;
};

Result<HttpResponse> fetch(Loop& loop, HttpClient& client, HttpRequest request = {}) {
  return Fetch(loop, client, std::move(request)).running.get();
}

TEST(HttpClient, SendsAndReceivesOverOneConnection) {
  test::ScriptedServer server({kOk});
  Loop loop;
  HttpClient client(loop, to(server.port()));
  HttpRequest request;
  request.method = "POST";
  request.body = "body";
  request.fields.emplace_back("X-Key", "value");
  for (int i = 0; i < 3; ++i) {
    const Result<HttpResponse> response = fetch(loop, client, request);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 200u);
    EXPECT_EQ(response->body, "hello");
    EXPECT_EQ(response->find("content-type"), "text/plain");
    EXPECT_EQ(response->find("x-none"), "");
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(server.requests().front(), "POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                                           "\r\nUser-Agent: postern\r\nX-Key: value\r\nContent-Length: 4\r\n\r\nbody");
}

TEST(HttpClient, ReadsEveryFraming) {
  test::ScriptedServer server({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                               "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
                               "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end"});
  Loop loop;
  HttpClient client(loop, to(server.port()));
  EXPECT_EQ(fetch(loop, client)->body, "abcde");
  EXPECT_EQ(fetch(loop, client)->status, 204u);
  EXPECT_EQ(fetch(loop, client)->body, "to the end");
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, AsksAgainWhenAKeptConnectionIsClosed) {
  test::ScriptedServer server({kOk, "", kOk});
  Loop loop;
  HttpClient client(loop, to(server.port()));
  EXPECT_TRUE(fetch(loop, client));
  EXPECT_TRUE(fetch(loop, client));
  EXPECT_EQ(server.connections(), 2);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST(HttpClient, DoesNotRepeatWhatMustNotBe) {
  test::ScriptedServer server({kOk, "", kOk});
  Loop loop;
  HttpClient client(loop, to(server.port()));
  EXPECT_TRUE(fetch(loop, client));
  HttpRequest once;
  once.may_repeat = false;
  EXPECT_EQ(code_of(fetch(loop, client, once)), Code::closed);
  EXPECT_TRUE(fetch(loop, client, once));
}

TEST(HttpClient, FailsOnAFreshConnectionThatIsClosed) {
  test::ScriptedServer server({""});
  Loop loop;
  HttpClient client(loop, to(server.port()));
  EXPECT_EQ(code_of(fetch(loop, client)), Code::closed);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(HttpClient, RefusesWhatIsNotHttpOrTooLarge) {
  const std::string big(3'000, 'x');
  test::ScriptedServer server(
      {"SSH-2.0-x\r\n\r\nConnection: close", "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + big,
       "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + big, "HTTP/1.1 200 OK\r\nX: " + big + "\r\n\r\n",
       "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhalf"});
  Loop loop;
  HttpClient::Options options = to(server.port());
  options.max_body = 2'000;
  options.max_head = 2'000;
  HttpClient client(loop, std::move(options));
  EXPECT_EQ(code_of(fetch(loop, client)), Code::malformed);
  EXPECT_EQ(code_of(fetch(loop, client)), Code::too_large);
  EXPECT_EQ(code_of(fetch(loop, client)), Code::too_large);
  EXPECT_EQ(code_of(fetch(loop, client)), Code::too_large);
  EXPECT_EQ(code_of(fetch(loop, client)), Code::closed);
}

TEST(HttpClient, GivesUpInTime) {
  test::ScriptedServer server({"wait"});
  Loop loop;
  HttpClient client(loop, to(server.port(), 60));
  EXPECT_EQ(code_of(fetch(loop, client)), Code::timeout);
}

TEST(HttpClient, IsCancelled) {
  test::ScriptedServer server({"wait"});
  Loop loop;
  HttpClient client(loop, to(server.port()));
  {
    Fetch waiting(loop, client, {});
    ASSERT_TRUE(test::drive(loop, [&] { return !server.requests().empty(); }));
    client.cancel();
    EXPECT_EQ(code_of(waiting.running.get()), Code::cancelled);
  }
  EXPECT_EQ(code_of(fetch(loop, client)), Code::cancelled);
}

TEST(HttpClient, SaysWhoIsNotThere) {
  std::uint16_t port = 0;
  {
    const test::ScriptedServer gone({kOk});
    port = gone.port();
  }
  Loop loop;
  HttpClient client(loop, to(port));
  EXPECT_EQ(code_of(fetch(loop, client)), Code::refused);
  HttpClient::Options nowhere = to(port);
  nowhere.origin.host = "no-such-host.invalid";
  HttpClient lost(loop, std::move(nowhere));
  EXPECT_NE(code_of(fetch(loop, lost)), Code::ok);
}

TEST(HttpClient, NeverPlainWhereTlsWasMeant) {
  test::ScriptedServer server({kOk});
  Loop loop;
  HttpClient::Options options = to(server.port());
  options.origin.is_secure = true;
  HttpClient client(loop, std::move(options));
  EXPECT_EQ(code_of(fetch(loop, client)), Code::tls);
  EXPECT_TRUE(server.requests().empty());
}

TEST(Resolve, FindsNamesAndLiterals) {
  Loop loop;
  const bool cancelled = false;
  test::Running<std::vector<SocketAddress>> literal(loop, resolve(loop, "::1", 80, 1'000, cancelled));
  EXPECT_TRUE(literal.done());
  EXPECT_EQ(literal.get().front().text(), "[::1]:80");
  test::Running<std::vector<SocketAddress>> name(loop, resolve(loop, "localhost", 80, 2'000, cancelled));
  EXPECT_FALSE(name.get().empty());
  const bool at_once = true;
  test::Running<std::vector<SocketAddress>> given_up(loop, resolve(loop, "localhost", 80, 2'000, at_once));
  given_up.get();
}

}  // namespace
}  // namespace postern::net
