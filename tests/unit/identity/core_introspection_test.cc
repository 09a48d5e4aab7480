// What a core makes of an issuer's answers, with a clock of the test's.
#include <gtest/gtest.h>

#include "identity/core_identity.h"
#include "unit/base/count_allocations.h"
#include "unit/identity/token_support.h"

namespace postern::identity {
namespace {

using Kind = IntrospectionAnswer::Kind;

constexpr std::string_view kToken = "2YotnFZFEjr1zCsicMWpAA";
constexpr std::string_view kUrl = "https://a.example/introspect";

struct CoreIntrospection : testing::Test {
  CoreIntrospection() { install(kUrl, 1); }

  void install(std::string_view url, std::uint64_t generation) {
    config::Issuer issuer = test::plain_issuer();
    issuer.introspection_url = url;
    issuer.introspection_ttl = std::chrono::seconds(60);
    auto sources = std::make_shared<IdentitySources>();
    sources->generation = generation;
    sources->credentials.cache_entries = 64;
    sources->credentials.cache_size = 1 << 20;
    sources->credentials.cache_ttl = std::chrono::minutes(15);
    sources->credentials.failures_per_second = 5;
    sources->issuers = test::one_issuer(issuer, test::rsa_keys());
    core.install(std::move(sources), now.unix_s);
  }
  IntrospectionAnswer answer(Kind kind, std::string body = R"({"active":true,"sub":"ada","aud":"api"})") const {
    return {kind, now.unix_s, std::string(kUrl), std::move(body)};
  }
  Verdict may(std::string_view token = kToken) {
    return core.may_introspect(core.hash_of(token), "corp", client, now).verdict;
  }
  Identified hears(const IntrospectionAnswer* said, std::string_view token = kToken) {
    return core.introspected(token, core.hash_of(token), "corp", said, client, now);
  }
  Identified hears(const IntrospectionAnswer& said) { return hears(&said); }
  bool is_known(std::string_view token = kToken) {
    return static_cast<bool>(core.recall(token, core.hash_of(token), now.unix_s));
  }
  void pass(std::int64_t seconds) {
    now.unix_s += seconds;
    now.steady_ms += seconds * 1000;
  }

  CoreIdentity core;
  CoreIdentity::Moment now{test::kNow, 1'000'000};
  http::Address client = *http::parse_ip("192.0.2.1");
};

TEST_F(CoreIntrospection, WhomToAsk) {
  EXPECT_TRUE(core.is_asked_about(kToken, "corp", false));
  const std::string own = test::make_token(R"({"iss":"https://a.example"})");
  const std::string other = test::make_token(R"({"iss":"https://b.example"})");
  EXPECT_FALSE(core.is_asked_about(own, "corp", false));
  EXPECT_TRUE(core.is_asked_about(own, "corp", true));
  EXPECT_FALSE(core.is_asked_about(other, "corp", true));
  EXPECT_FALSE(core.is_asked_about(own, "nobody", true));
  EXPECT_FALSE(core.is_asked_about("pst_x", "corp", true));
  EXPECT_FALSE(core.is_asked_about("eyJ.e30.x", "corp", true));
}

TEST_F(CoreIntrospection, AnActiveTokenIsKnownForItsTime) {
  ASSERT_EQ(may(), Verdict::good);
  const Identified found = hears(answer(Kind::active));
  ASSERT_EQ(found.verdict, Verdict::good);
  EXPECT_EQ(found.who->subject, "ada");
  pass(59);
  EXPECT_TRUE(is_known());
  EXPECT_FALSE(is_known("2YotnFZFEjr1zCsicMWpAB"));
  pass(1);
  EXPECT_FALSE(is_known());
}

TEST_F(CoreIntrospection, ItsTimeBeginsWithTheQuestion) {
  const IntrospectionAnswer old = answer(Kind::active);
  pass(50);
  ASSERT_EQ(hears(old).verdict, Verdict::good);
  pass(10);
  EXPECT_FALSE(is_known());
}

TEST_F(CoreIntrospection, NeverBeyondItsEnd) {
  ASSERT_EQ(hears(answer(Kind::active, R"({"active":true,"sub":"ada","aud":"api","exp":1700000005})")).verdict,
            Verdict::good);
  pass(4);
  EXPECT_TRUE(is_known());
  pass(1);
  EXPECT_FALSE(is_known());  // T81
}

TEST_F(CoreIntrospection, AnInactiveOneIsRememberedForAMoment) {
  EXPECT_EQ(hears(answer(Kind::inactive, "")).verdict, Verdict::refused);
  EXPECT_EQ(may(), Verdict::remembered);
  EXPECT_EQ(core.may_introspect(core.hash_of(kToken), "other", client, now).verdict, Verdict::good);  // not his word
  pass(6);
  EXPECT_EQ(may(), Verdict::good);
}

TEST_F(CoreIntrospection, NobodyIsRefusedForWhatTheIssuerDoesWrong) {
  EXPECT_EQ(hears(nullptr).verdict, Verdict::unavailable);
  EXPECT_EQ(hears(answer(Kind::unreachable, "")).verdict, Verdict::unavailable);
  EXPECT_EQ(hears(answer(Kind::failed, "")).verdict, Verdict::unavailable);
  EXPECT_EQ(hears(answer(Kind::active, R"({"active":true,"sub":"a","aud":"api","exp":"x"})")).verdict,
            Verdict::unavailable);
  EXPECT_EQ(hears(answer(Kind::active, R"({"active":true,"sub":"a","aud":7})")).verdict, Verdict::unavailable);
  EXPECT_EQ(may(), Verdict::good);  // nothing is remembered
  EXPECT_EQ(hears(answer(Kind::active, R"({"active":true,"sub":"a","aud":"other"})")).verdict, Verdict::refused);
}

TEST_F(CoreIntrospection, AnswersOfAnotherConfigCountForNothing) {
  const IntrospectionAnswer old = answer(Kind::active);
  ASSERT_EQ(hears(old).verdict, Verdict::good);
  install("https://b.example/introspect", 2);
  EXPECT_FALSE(is_known());
  EXPECT_EQ(hears(old).verdict, Verdict::unavailable);
  const IntrospectionAnswer no{Kind::inactive, now.unix_s, std::string(kUrl), ""};
  EXPECT_EQ(hears(no).verdict, Verdict::unavailable);
  EXPECT_EQ(may(), Verdict::good);
}

TEST_F(CoreIntrospection, ForgetsWhatTurnsInactive) {
  ASSERT_EQ(hears(answer(Kind::active)).verdict, Verdict::good);
  core.forget(kToken, "corp", now);
  EXPECT_FALSE(is_known());
  EXPECT_EQ(may(), Verdict::remembered);
}

TEST_F(CoreIntrospection, RevokedSubjectsStayOut) {
  core.revoke(std::make_shared<const std::vector<Revocation>>(
                  std::vector<Revocation>{{"corp", RevokedKind::subject, "ada", now.unix_s, now.unix_s + 3600}}),
              now.unix_s);
  EXPECT_EQ(hears(answer(Kind::active)).verdict, Verdict::refused);
  EXPECT_EQ(may(), Verdict::remembered);
}

TEST_F(CoreIntrospection, QuestionsOnTheirWayCountAsBadUntilTheyAreGood) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(may("token-" + std::to_string(i)), Verdict::good);
  EXPECT_EQ(may("another"), Verdict::over_budget);
  const IntrospectionAnswer good = answer(Kind::active);
  hears(&good, "token-0");
  EXPECT_EQ(may("another"), Verdict::good);  // that one was good
  EXPECT_EQ(may("yet another"), Verdict::over_budget);
  hears(nullptr, "token-1");
  EXPECT_EQ(may("yet another"), Verdict::good);  // nobody's fault
  const IntrospectionAnswer bad = answer(Kind::inactive, "");
  hears(&bad, "token-2");
  EXPECT_EQ(may("a last one"), Verdict::over_budget);
  http::Address other = *http::parse_ip("192.0.2.2");
  EXPECT_EQ(core.may_introspect(core.hash_of("a last one"), "corp", other, now).verdict, Verdict::good);
  pass(1);
  EXPECT_EQ(may("a last one"), Verdict::good);
}

TEST_F(CoreIntrospection, AHitAllocatesNothing) {
  ASSERT_EQ(hears(answer(Kind::active)).verdict, Verdict::good);
  ASSERT_TRUE(is_known());
  test::start_counting_allocations();
  const bool known = is_known();
  EXPECT_EQ(test::stop_counting_allocations(), 0u);
  EXPECT_TRUE(known);
}

}  // namespace
}  // namespace postern::identity
