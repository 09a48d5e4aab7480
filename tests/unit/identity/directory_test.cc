// Looking up groups against a server that says what the test wants.
#include "identity/directory.h"

#include <gtest/gtest.h>

#include <condition_variable>

#include "unit/identity/token_support.h"
#include "unit/net/scripted_server.h"
#include "unit/net/tls_test_support.h"

namespace postern::identity {
namespace {

using test::ScriptedServer;

const std::string kTenant = "11111111-2222-3333-4444-555555555555";
const std::string kPath = kTenant + "/users/aaaaaaaa-0000-0000-0000-000000000001";
const std::string kGroup = "cccccccc-0000-0000-0000-00000000000c";

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

const std::string kToken = ok(R"({"token_type":"Bearer","expires_in":3600,"access_token":"ours"})");
const std::string kPage = ok(R"({"value":[{"id":")" + kGroup + "\"}]}");

struct DirectoryLookup : testing::Test {
  config::Issuer local(const ScriptedServer& server) const {
    const std::string origin = "http://127.0.0.1:" + std::to_string(server.port());
    config::Issuer issuer = test::plain_issuer();
    issuer.graph_client_id = "app";
    issuer.graph_secret_file = folder.write("secret", "s3cret\n");
    issuer.graph_url = origin + "/v1.0";
    issuer.graph_token_url = origin + "/{tenantid}/token";
    issuer.allow_http = issuer.allow_private = true;
    return issuer;
  }
  Groups ask(const std::string& path = kPath) { return ask(directory, path); }
  /// Asks, and waits for the answer.
  static Groups ask(Directory& directory, const std::string& path) {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Groups> answer;
    directory.ask("corp", path, [&](Groups groups) {
      const std::lock_guard lock(mutex);
      answer = std::move(groups);
      changed.notify_all();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return answer.has_value(); });
    return *answer;
  }

  test::TempDir folder;
  Directory directory;
};

TEST_F(DirectoryLookup, AsksAsAnApplicationAndOnlyOnce) {
  ScriptedServer server({kToken, kPage});
  directory.apply({local(server)});
  for (int i = 0; i < 3; ++i) {
    const Groups groups = ask();
    ASSERT_TRUE(groups);
    EXPECT_EQ(*groups, std::vector<std::string>{kGroup});
  }
  const std::vector<std::string> requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_TRUE(requests[0].starts_with("POST /" + kTenant + "/token HTTP/1.1\r\n")) << requests[0];
  EXPECT_NE(requests[0].find("grant_type=client_credentials&client_id=app&scope=http%3A%2F%2F127.0.0.1%3A"),
            std::string::npos);
  EXPECT_TRUE(requests[1].starts_with("GET /v1.0/users/aaaaaaaa-0000-0000-0000-000000000001/transitiveMemberOf/"))
      << requests[1];
  EXPECT_NE(requests[1].find("Authorization: Bearer ours\r\n"), std::string::npos);
  EXPECT_EQ(directory.status().at(0).found, 1u);
}

TEST_F(DirectoryLookup, OurTokenIsKeptForOthersAndRenewedWhenItIsRefused) {
  ScriptedServer server(
      {kToken, kPage, "HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", kToken, kPage});
  directory.apply({local(server)});
  EXPECT_TRUE(ask());
  EXPECT_FALSE(ask(kTenant + "/users/aaaaaaaa-0000-0000-0000-000000000002"));
  EXPECT_TRUE(ask(kTenant + "/users/aaaaaaaa-0000-0000-0000-000000000003"));
  EXPECT_EQ(server.requests().size(), 5u);
}

TEST_F(DirectoryLookup, AnswersThatAreNone) {
  const std::string redirect =
      "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
  const std::string elsewhere = ok(R"({"value":[],"@odata.nextLink":"http://127.0.0.1:1/x"})");
  const std::string endless = ok(R"({"value":[],"@odata.nextLink":"http://127.0.0.1:{port}/v1.0/again"})");
  for (const std::vector<std::string>& answers : {std::vector<std::string>{redirect},
                                                  {kToken, redirect},
                                                  {kToken, elsewhere},
                                                  {kToken, ok("{}")},
                                                  {ok("{}")},
                                                  {""}}) {
    Directory one;
    ScriptedServer server(answers);
    one.apply({local(server)});
    EXPECT_FALSE(ask(one, kPath)) << answers.back();
    EXPECT_LE(server.requests().size(), 3u);
  }
  ScriptedServer server({kToken, endless});
  directory.apply({local(server)});
  EXPECT_FALSE(ask());
  EXPECT_LE(server.requests().size(), 1 + kMostGraphPages);
}

TEST_F(DirectoryLookup, NobodyIsAskedWithoutAWord) {
  ScriptedServer server({kToken, kPage});
  directory.apply({});
  config::Issuer issuer = local(server);
  issuer.graph_client_id.clear();
  directory.apply({issuer});
  issuer = local(server);
  issuer.allow_private = false;
  directory.apply({issuer});
  EXPECT_FALSE(ask());
  EXPECT_EQ(server.connections(), 0);
}

}  // namespace
}  // namespace postern::identity
