// Tokens that have no room for all groups of their owner: who has to be asked, and what becomes of the answer.
#include <gtest/gtest.h>

#include "identity/core_identity.h"
#include "unit/identity/token_support.h"

namespace postern::identity {
namespace {

const std::string kTenant = "11111111-2222-3333-4444-555555555555";
const std::string kPerson = "aaaaaaaa-0000-0000-0000-000000000001";
const std::string kCrew = "cccccccc-0000-0000-0000-00000000000c";

struct CoreGroups : testing::Test {
  CoreGroups() { install("app"); }

  void install(const std::string& application) {
    config::Issuer issuer = test::plain_issuer();
    issuer.kind = config::IssuerTemplate::entra;
    issuer.graph_client_id = application;
    auto sources = std::make_shared<IdentitySources>();
    sources->generation = 1;
    sources->credentials.cache_entries = 64;
    sources->credentials.cache_size = 1 << 20;
    sources->credentials.cache_ttl = std::chrono::minutes(15);
    sources->credentials.failures_per_second = 5;
    const std::vector<config::RoleMapping> mappings{
        {.role = "pilot", .issuer = {}, .groups = {kCrew}, .roles = {}},
        {.role = "captain", .issuer = {}, .groups = {}, .roles = {"senior"}},
        {.role = "boss", .issuer = {}, .groups = {}, .roles = {"captain"}}};
    sources->issuers = test::one_issuer(issuer, test::rsa_keys(), mappings);
    core.install(std::move(sources), now.unix_s);
  }
  static std::string token(const std::string& more = R"("_claim_names":{"groups":"src1"},"_claim_sources":)"
                                                     R"({"src1":{"endpoint":"https://evil.example/"}})") {
    return test::make_token(R"({"iss":"https://a.example","aud":"api","azp":"x","exp":1700000600,"tid":")" + kTenant +
                            R"(","oid":")" + kPerson + R"(",)" + more + "}");
  }
  Identified verify(const std::string& text) { return core.verify(text, core.hash_of(text), client, now); }
  Identified with_groups(const std::string& text, const std::vector<std::string>* groups) {
    return core.verify_with_groups(text, core.hash_of(text), groups, client, now);
  }
  PrincipalPin recall(const std::string& text) { return core.recall(text, core.hash_of(text), now.unix_s); }

  CoreIdentity core;
  CoreIdentity::Moment now{test::kNow, 1'000'000};
  http::Address client = *http::parse_ip("192.0.2.1");
};

TEST_F(CoreGroups, AreLookedUpByTenantAndObject) {
  for (const char* more : {R"("_claim_names":{"groups":"src1"})", R"("hasgroups":true)"}) {
    const Identified found = verify(token(more));
    EXPECT_EQ(found.verdict, Verdict::no_groups) << more;
    EXPECT_EQ(found.issuer, "corp");
    EXPECT_EQ(found.kid, kTenant + "/users/" + kPerson);
    EXPECT_FALSE(recall(token(more)));
  }
  EXPECT_EQ(verify(token(R"("hasgroups":true,"idtyp":"app")")).kid, kTenant + "/servicePrincipals/" + kPerson);
  EXPECT_EQ(verify(token(R"("groups":["g"])")).verdict, Verdict::good);
}

TEST_F(CoreGroups, AreCompletedAndMapped) {
  const std::string text = token(R"("hasgroups":true,"roles":["senior"])");
  const std::vector<std::string> groups{"dddddddd-0000-0000-0000-00000000000d", kCrew};
  const Identified found = with_groups(text, &groups);
  ASSERT_EQ(found.verdict, Verdict::good);
  EXPECT_FALSE(found.who->groups_incomplete);
  EXPECT_EQ(found.who->groups, (std::vector<std::string>{kCrew, groups[0]}));
  // And not boss: roles are mapped from the issuer's.
  EXPECT_EQ(found.who->roles, (std::vector<std::string>{"captain", "pilot", "senior"}));
  ASSERT_TRUE(recall(text));
  now.unix_s += 599;
  EXPECT_TRUE(recall(text));
}

TEST_F(CoreGroups, StayUnknownForAWhileWhenTheyCannotBeHad) {
  const std::string text = token();
  const Identified found = with_groups(text, nullptr);
  ASSERT_EQ(found.verdict, Verdict::good);
  EXPECT_TRUE(found.who->groups_incomplete);
  EXPECT_TRUE(recall(text));
  now.unix_s += 10;
  EXPECT_FALSE(recall(text));
  EXPECT_EQ(verify(text).verdict, Verdict::no_groups);
}

TEST_F(CoreGroups, ABadTokenMakesNobodyAsk) {
  std::string text = token();
  text[text.size() - 10] = text[text.size() - 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(verify(text).verdict, Verdict::refused);
  const std::vector<std::string> groups{kCrew};
  EXPECT_EQ(with_groups(text, &groups).verdict, Verdict::refused);
}

TEST_F(CoreGroups, NobodyIsAskedAboutWhoIsNotInADirectoryOrWithoutAWord) {
  const std::string odd = test::make_token(
      R"({"iss":"https://a.example","aud":"api","azp":"x","exp":1700000600,"tid":"../x","oid":"me","hasgroups":true})");
  EXPECT_EQ(verify(odd).verdict, Verdict::good);
  EXPECT_TRUE(recall(odd)->groups_incomplete);
  install("");
  EXPECT_EQ(verify(token()).verdict, Verdict::good);
  EXPECT_TRUE(recall(token())->groups_incomplete);
  now.unix_s += 60;
  EXPECT_TRUE(recall(token()));
}

}  // namespace
}  // namespace postern::identity
