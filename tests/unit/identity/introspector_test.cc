// Questions against a server that says what the test wants: how many there are, and what nobody is ever asked.
#include "identity/introspector.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <fstream>

#include "unit/identity/token_support.h"
#include "unit/net/scripted_server.h"
#include "unit/net/tls_test_support.h"

namespace postern::identity {
namespace {

using Kind = IntrospectionAnswer::Kind;
using test::ScriptedServer;

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

Introspector::Token token(std::string_view text) { return std::make_shared<const crypto::SecretText>(text); }

struct IntrospectorAsk : testing::Test {
  config::Issuer local(const ScriptedServer& server) const {
    config::Issuer issuer = test::plain_issuer();
    issuer.introspection_url = "http://127.0.0.1:" + std::to_string(server.port()) + "/introspect";
    issuer.introspection_client_id = "postern";
    issuer.introspection_secret_file = secret;
    issuer.allow_http = issuer.allow_private = true;
    return issuer;
  }
  void ask(std::string_view text) {
    introspector.ask("corp", token(text), [this](const Introspector::Said& said) {
      const std::lock_guard lock(mutex);
      answers.push_back(said);
      changed.notify_all();
    });
  }
  std::vector<Introspector::Said> await(std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds(5), [&] { return answers.size() >= count; });
    return answers;
  }
  Kind asked(std::string_view text) {
    ask(text);
    const auto all = await(++expected);
    return all.size() == expected && all.back() ? all.back()->kind : Kind::unreachable;
  }

  test::TempDir folder;
  std::string secret = folder.path("secret");
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Introspector::Said> answers;
  std::vector<std::string> inactive;
  std::size_t expected = 0;
  Introspector introspector{[this](const std::string& issuer, const Introspector::Token& gone) {
    const std::lock_guard lock(mutex);
    inactive.push_back(issuer + ' ' + std::string(gone->reveal()));
  }};

  void SetUp() override { std::ofstream(secret) << "s3cret\n"; }
};

TEST_F(IntrospectorAsk, SaysWhoWeAreAndKeepsTheConnection) {
  ScriptedServer server({ok(R"({"active":true,"sub":"a"})"), ok(R"({"active":false})")});
  introspector.apply({local(server)});
  EXPECT_EQ(asked("t/1"), Kind::active);
  EXPECT_EQ(answers[0]->body, R"({"active":true,"sub":"a"})");
  EXPECT_EQ(answers[0]->url, local(server).introspection_url);
  EXPECT_EQ(asked("t2"), Kind::inactive);
  EXPECT_EQ(inactive, std::vector<std::string>{"corp t2"});
  const std::string request = server.requests().at(0);
  EXPECT_EQ(request.substr(0, 22), "POST /introspect HTTP/");
  EXPECT_NE(request.find("Authorization: Basic cG9zdGVybjpzM2NyZXQ=\r\n"), std::string::npos);
  EXPECT_NE(request.find("Content-Type: application/x-www-form-urlencoded\r\n"), std::string::npos);
  EXPECT_TRUE(request.ends_with("\r\n\r\ntoken_type_hint=access_token&token=t%2F1"));
  EXPECT_EQ(introspector.status().at(0).active, 1u);
  EXPECT_EQ(introspector.status().at(0).inactive, 1u);
  EXPECT_EQ(introspector.status().at(0).waiting, 0u);
}

TEST_F(IntrospectorAsk, OneQuestionForAllThatWait) {
  ScriptedServer server({ok(R"({"active":true})")});
  introspector.apply({local(server)});
  for (int i = 0; i < 100; ++i) ask("same");
  for (const auto& said : await(100)) EXPECT_EQ(said->kind, Kind::active);
  EXPECT_LE(server.requests().size(), 2u);  // the last ones may have come after the first answer
}

TEST_F(IntrospectorAsk, AnswersThatAreNone) {
  for (const std::string& answer :
       {std::string("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"),
        std::string("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), ok("<html>"), ok("{}"),
        ok(std::string(70 * 1024, ' ')), std::string("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n{")}) {
    ScriptedServer server({answer});
    introspector.apply({local(server)});
    EXPECT_EQ(asked("t"), Kind::failed) << answer.substr(0, 40);
    EXPECT_TRUE(introspector.status().at(0).is_failing);
  }
  EXPECT_TRUE(inactive.empty());
}

TEST_F(IntrospectorAsk, PrivateAddressesAndPlainHttpNeedAWord) {
  ScriptedServer server({ok(R"({"active":true})")});
  config::Issuer issuer = local(server);
  issuer.allow_private = false;
  introspector.apply({issuer});
  EXPECT_EQ(asked("t"), Kind::unreachable);
  issuer.allow_private = true;
  issuer.allow_http = false;
  introspector.apply({issuer});
  EXPECT_EQ(asked("t"), Kind::unreachable);
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(IntrospectorAsk, WhereNobodyAnswersNobodyIsAskedForAWhile) {
  ScriptedServer server({""});
  introspector.apply({local(server)});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(asked("t" + std::to_string(i)), Kind::unreachable);
  const IntrospectionStatus status = introspector.status().at(0);
  EXPECT_EQ(status.failed, Introspector::kFailuresInARow);
  EXPECT_EQ(status.not_asked, 20 - Introspector::kFailuresInARow);
  EXPECT_TRUE(status.is_failing);
}

TEST_F(IntrospectorAsk, SoManyAtATimeAndNoMore) {
  ScriptedServer server({"wait"});
  introspector.apply({local(server)});
  constexpr std::size_t kMost = Introspector::kMostQuestions;
  for (std::size_t i = 0; i < kMost + 10; ++i) ask("t" + std::to_string(i));
  await(10);  // those that were too many hear so at once
  const IntrospectionStatus status = introspector.status().at(0);
  EXPECT_EQ(status.not_asked, 10u);
  EXPECT_EQ(status.waiting, kMost);
  EXPECT_LE(server.connections(), static_cast<int>(Introspector::kMostAtOnce));
}

TEST_F(IntrospectorAsk, OthersThanConfiguredAreNotAsked) {
  ScriptedServer server({ok(R"({"active":true})")});
  introspector.apply({});
  introspector.apply({local(server)});
  introspector.ask("nobody", token("t"), [this](const Introspector::Said& said) {
    const std::lock_guard lock(mutex);
    answers.push_back(said);
    changed.notify_all();
  });
  EXPECT_EQ(await(1).at(0), nullptr);
  introspector.apply({});
  ask("t");
  EXPECT_EQ(await(2).at(1), nullptr);
  EXPECT_EQ(server.connections(), 0);
  EXPECT_TRUE(introspector.status().empty());
}

}  // namespace
}  // namespace postern::identity
