// The keeper against a server that says what the test wants: what is fetched, from where, and what never is.
#include "identity/issuer_keeper.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>

#include "unit/identity/token_support.h"
#include "unit/net/scripted_server.h"
#include "unit/net/tls_test_support.h"

namespace postern::identity {
namespace {

using test::ScriptedServer;
using test::SigningKey;
using test::TempDir;

std::string ok(const std::string& body, const std::string& fields = {}) {
  return "HTTP/1.1 200 OK\r\n" + fields + "Connection: close\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string one_key(const SigningKey& key, const std::string& kid) {
  return test::jwks({key.jwk(",\"kid\":\"" + kid + '"')});
}

/// What has been published.
struct Board {
  void put(IssuerKeeper::Set set) {
    const std::lock_guard lock(mutex);
    sets.push_back(std::move(set));
    changed.notify_all();
  }
  IssuerKeeper::Set await(std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds(5), [&] { return sets.size() >= count; });
    return sets.size() >= count ? sets[count - 1] : nullptr;
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<IssuerKeeper::Set> sets;
};

struct Keeper : testing::Test {
  config::Issuer local(const ScriptedServer& server) const {
    config::Issuer issuer = test::plain_issuer();
    issuer.jwks_url = "http://127.0.0.1:" + std::to_string(server.port()) + "/keys";
    issuer.allow_http = issuer.allow_private = true;
    issuer.keys_max_stale = std::chrono::hours(24);
    return issuer;
  }
  std::shared_ptr<const KeySet> apply(const config::Issuer& issuer) {
    return keeper.apply({issuer}, {}, 16384)->issuers().at(0).keys;
  }
  std::string error() const { return keeper.status().at(0).error; }
  /// Asks, and waits for the answer.
  bool ask(const std::string& kid) {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<bool> answer;
    keeper.ask("corp", kid, [&](bool fetched) {
      const std::lock_guard lock(mutex);
      answer = fetched;
      changed.notify_all();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return answer.has_value(); });
    return *answer;
  }

  Board board;
  IssuerKeeper keeper{[this](IssuerKeeper::Set set) { board.put(std::move(set)); }};
};

TEST_F(Keeper, HasKeysWhenApplyReturns) {
  ScriptedServer server({ok(one_key(SigningKey::p256(), "a"))});
  const auto set = keeper.apply({local(server)}, {}, 16384);
  ASSERT_TRUE(set->issuers()[0].keys);
  EXPECT_TRUE(set->issuers()[0].keys->knows("a"));
  EXPECT_EQ(set->issuers()[0].key_epoch, 1u);
  EXPECT_EQ(server.requests().at(0).substr(0, 10), "GET /keys ");
  EXPECT_TRUE(keeper.status().at(0).has_keys);
  EXPECT_EQ(keeper.status().at(0).fetches_good, 1u);
  EXPECT_TRUE(board.sets.empty());
}

TEST_F(Keeper, FindsKeysByDiscovery) {
  ScriptedServer keys({ok(one_key(SigningKey::p256(), "a"), "Cache-Control: max-age=3600\r\n")});
  ScriptedServer server(
      {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"issuer\":\"http://127.0.0.1:{port}\",\"jwks_uri\":\"" +
       local(keys).jwks_url + "\"}"});
  config::Issuer issuer = local(server);
  issuer.jwks_url.clear();
  issuer.url = "http://127.0.0.1:" + std::to_string(server.port());
  const auto found = apply(issuer);
  ASSERT_TRUE(found) << error();
  EXPECT_TRUE(found->knows("a"));
  EXPECT_EQ(server.requests().at(0).substr(0, 41), "GET /.well-known/openid-configuration HTT");
  // In haste it is known where the keys are.
  EXPECT_TRUE(ask("b"));
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(keys.requests().size(), 2u);
}

TEST_F(Keeper, AnotherIssuersDocumentCountsForNothing) {
  ScriptedServer server({ok(R"({"issuer":"https://evil.example","jwks_uri":"http://127.0.0.1:1/"})")});
  config::Issuer issuer = local(server);
  issuer.jwks_url.clear();
  issuer.url = "http://127.0.0.1:" + std::to_string(server.port());
  EXPECT_FALSE(apply(issuer));
  EXPECT_NE(error().find("names another issuer"), std::string::npos) << error();
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(Keeper, RedirectsAndOtherAnswersAreNoKeys) {  // T67
  for (const std::string& answer :
       {std::string("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"),
        std::string("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), ok("<html>"), ok("{}"),
        ok(std::string(600 * 1024, ' ')), std::string("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n{"),
        ok(R"({"keys":[{"kty":"oct","k":"AAAA"}]})"), std::string("")}) {
    IssuerKeeper one(nullptr);
    ScriptedServer server({answer});
    EXPECT_FALSE(one.apply({local(server)}, {}, 16384)->issuers()[0].keys) << answer.substr(0, 40);
    EXPECT_TRUE(one.status().at(0).is_failing);
    EXPECT_EQ(server.connections(), 1) << answer.substr(0, 40);
  }
}

TEST_F(Keeper, KeysThatStandElsewhereAreNotFollowed) {  // T67: though they would be good ones
  ScriptedServer server({"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/other\r\nContent-Length: 0\r\n\r\n",
                         ok(one_key(SigningKey::p256(), "a"))});
  EXPECT_FALSE(apply(local(server)));
  EXPECT_EQ(server.connections(), 1);
  EXPECT_NE(error().find("status 302"), std::string::npos) << error();
}

TEST_F(Keeper, PrivateAddressesAndPlainHttpNeedAWord) {  // T67
  ScriptedServer server({ok(one_key(SigningKey::p256(), "a"))});
  config::Issuer issuer = local(server);
  issuer.allow_private = false;
  EXPECT_FALSE(apply(issuer));
  EXPECT_NE(error().find("its address is not public"), std::string::npos) << error();
  issuer.allow_private = true;
  issuer.allow_http = false;
  EXPECT_FALSE(apply(issuer));
  EXPECT_NE(error().find("not https"), std::string::npos) << error();
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(Keeper, UnknownKeysAreLookedForAtOnceButNotOften) {  // T66
  ScriptedServer server({ok(one_key(SigningKey::p256(), "a")), ok(one_key(SigningKey::p384(), "b"))});
  ASSERT_TRUE(apply(local(server))->knows("a"));
  EXPECT_TRUE(ask("b"));
  const auto set = board.await(1);
  ASSERT_TRUE(set);
  EXPECT_TRUE(set->issuers()[0].keys->knows("b"));
  EXPECT_FALSE(set->issuers()[0].keys->knows("a"));
  EXPECT_EQ(set->issuers()[0].key_epoch, 2u);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(ask("k" + std::to_string(i)));
  EXPECT_EQ(server.requests().size(), 2u);
  EXPECT_EQ(keeper.status().at(0).forced, 1u);
  EXPECT_EQ(keeper.status().at(0).forced_refused, 1000u);
}

TEST_F(Keeper, ManyQuestionsAreOneFetch) {
  ScriptedServer server({ok(one_key(SigningKey::p256(), "a"))});
  ASSERT_TRUE(apply(local(server)));
  std::atomic<int> answers{0};
  for (int i = 0; i < 100; ++i) keeper.ask("corp", "new", [&](bool) { ++answers; });
  EXPECT_FALSE(ask("new") && false);
  while (answers != 100) std::this_thread::yield();
  EXPECT_EQ(server.requests().size(), 2u);
  EXPECT_TRUE(board.sets.empty());  // nothing has changed
}

TEST_F(Keeper, KeepsOldKeysWhenRefreshFails) {
  ScriptedServer server({ok(one_key(SigningKey::p256(), "a")), "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"});
  ASSERT_TRUE(apply(local(server)));
  EXPECT_FALSE(ask("b"));
  EXPECT_TRUE(keeper.is_failing("corp"));
  EXPECT_TRUE(keeper.status().at(0).has_keys);
  EXPECT_TRUE(keeper.status().at(0).is_failing);
  EXPECT_TRUE(board.sets.empty());
}

TEST_F(Keeper, ReloadKeepsWhatStays) {
  ScriptedServer server({ok(one_key(SigningKey::p256(), "a"))});
  config::Issuer issuer = local(server);
  ASSERT_TRUE(apply(issuer));
  issuer.audiences = {"other"};
  TempDir dir;
  config::Issuer first = test::plain_issuer();
  first.name = "first";
  first.pem_file = dir.write("key.pem", SigningKey::rsa().pem());
  const auto set = keeper.apply({first, issuer}, {}, 16384);
  ASSERT_EQ(set->issuers().size(), 2u);
  EXPECT_TRUE(set->issuers()[0].keys);
  EXPECT_TRUE(set->issuers()[1].keys->knows("a"));
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(Keeper, FilesAreReadAnew) {
  TempDir dir;
  config::Issuer issuer = test::plain_issuer();
  issuer.jwks_file = dir.write("keys.json", one_key(SigningKey::p256(), "a"));
  ASSERT_TRUE(apply(issuer)->knows("a"));
  dir.write("keys.json", "{");  // half a file is none
  dir.write("keys.new", one_key(SigningKey::p384(), "b"));
  std::filesystem::rename(dir.path("keys.new"), dir.path("keys.json"));
  const auto set = board.await(1);
  ASSERT_TRUE(set);
  EXPECT_TRUE(set->issuers()[0].keys->knows("b"));
  EXPECT_FALSE(ask("c"));
}

TEST_F(Keeper, SecretsAndPemStandInFiles) {
  TempDir dir;
  config::Issuer secret = test::plain_issuer();
  secret.secret_file = dir.write("secret", std::string(32, 's') + "\n");
  config::Issuer pem = test::plain_issuer();
  pem.name = "pem";
  pem.url = "https://b.example";
  pem.pem_file = dir.write("key.pem", SigningKey::rsa().pem());
  config::Issuer none = test::plain_issuer();
  none.name = "none";
  none.url = "https://c.example";
  none.pem_file = dir.path("absent.pem");
  const auto set = keeper.apply({secret, pem, none}, {}, 16384);
  EXPECT_TRUE(set->issuers()[0].keys->is_same(*KeySet::from_secret(std::string(32, 's')).keys));
  EXPECT_TRUE(set->issuers()[1].keys);
  EXPECT_FALSE(set->issuers()[2].keys);
}

TEST_F(Keeper, EndsWhileItFetches) {  // T87
  ScriptedServer server({ok(one_key(SigningKey::p256(), "a")), "wait"});
  auto one = std::make_unique<IssuerKeeper>(nullptr);
  ASSERT_TRUE(one->apply({local(server)}, {}, 16384)->issuers()[0].keys);
  std::atomic<int> answers = 0;
  const auto refused = [&answers](bool fetched) {
    EXPECT_FALSE(fetched);
    ++answers;
  };
  one->ask("corp", "x", refused);
  one->ask("nobody", "x", refused);
  ASSERT_TRUE(server.await_requests(2));
  const auto begun = std::chrono::steady_clock::now();
  one->apply({}, {}, 16384);  // a reload without it
  one.reset();
  EXPECT_EQ(answers, 2);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(3));  // a fetch has five
}

}  // namespace
}  // namespace postern::identity
