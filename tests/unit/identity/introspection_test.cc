// What is asked, and what becomes of what issuers answer.
#include "identity/introspection.h"

#include <gtest/gtest.h>

#include <fstream>

#include "unit/identity/token_support.h"
#include "unit/net/tls_test_support.h"

namespace postern::identity {
namespace {

using Kind = IntrospectionAnswer::Kind;
using test::kNow;

config::Issuer asked_issuer() {
  config::Issuer issuer = test::plain_issuer();
  issuer.introspection_url = "https://a.example/introspect";
  issuer.introspection_ttl = std::chrono::seconds(60);
  return issuer;
}

TokenVerdict read(const std::string& more, const config::Issuer& issuer = asked_issuer()) {
  const std::string body = R"({"active":true,"sub":"ada","aud":"api")" + (more.empty() ? "" : "," + more) + "}";
  return read_introspection(*test::one_issuer(issuer, nullptr), 0, {Kind::active, kNow, {}, body}, kNow);
}

TokenFault fault_of(const std::string& body, const config::Issuer& issuer = asked_issuer()) {
  return read_introspection(*test::one_issuer(issuer, nullptr), 0, {Kind::active, kNow, {}, body}, kNow).fault;
}

TEST(Introspection, OpaqueIsWhatIsNeitherJwtNorApiKey) {
  for (const char* token : {"a", "ya29.a0Af_x", "2YotnFZFEjr1zCsicMWpAA", "a.b.c", "eA.b.c", "e", "1234.5678.9.0", "..",
                            "eyJhbGciOiJub25lIn0", "eyJhbGciOiJub25lIn0.x", "EyJhbGciOiJub25lIn0.x.y"})
    EXPECT_TRUE(is_opaque(token)) << token;
  for (const char* token : {"eyJhbGciOiJub25lIn0.e30.", "ewogImFsZyI6IjEifQ.e30.x", "eyJ.a.b.c.d", "pst_abc", "pst_"})
    EXPECT_FALSE(is_opaque(token)) << token;
}

TEST(Introspection, QuestionsAreForms) {
  EXPECT_EQ(introspection_question("a+/b=~").reveal(), "token_type_hint=access_token&token=a%2B%2Fb%3D%7E");
  EXPECT_EQ(introspection_question("a&x=1").reveal(), "token_type_hint=access_token&token=a%26x%3D1");
  // RFC 6749 2.3.1: encoded before they are joined, so that a colon in the id is none.
  EXPECT_EQ(client_authorization("a:b c", "s%").reveal(), "Basic YSUzQWIrYzpzJTI1");  // a%3Ab+c:s%25
  EXPECT_EQ(client_authorization("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw").reveal(),
            "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
}

TEST(Introspection, SecretsComeFromFiles) {
  const test::TempDir folder;
  const std::string path = folder.path("secret");
  std::ofstream(path) << "s3cret\n";
  const auto good = load_client_secret(path);
  ASSERT_TRUE(good) << good.error;
  EXPECT_EQ(good.value->reveal(), "s3cret");
  std::ofstream(path) << "\n";
  EXPECT_FALSE(load_client_secret(path));
  EXPECT_FALSE(load_client_secret(path + ".none"));
}

TEST(Introspection, OnlyABooleanSaysWhetherItIsActive) {
  EXPECT_EQ(read_activity(R"({"active":true,"sub":"a"})"), Kind::active);
  EXPECT_EQ(read_activity(R"({"active":false})"), Kind::inactive);
  for (const char* body : {"", "{}", "[]", "true", R"({"active":"true"})", R"({"active":1})", R"({"active":null})",
                           R"({"active":true,"active":true})", R"({"active":true,"a":{"b":1,"b":2}})",
                           R"({"active":true)", R"({"active":true}x)", "<html>"})
    EXPECT_EQ(read_activity(body), Kind::failed) << body;
  EXPECT_EQ(read_activity(R"({"active":true,"x":")" + std::string(kMostIntrospectionBytes, 'x') + "\"}"), Kind::failed);
}

TEST(Introspection, TellsWhoItIs) {
  const TokenVerdict verdict =
      read(R"("iss":"https://a.example","scope":"read predict","client_id":"app","username":"ada.l","jti":"t1",)"
           R"("exp":1700000600,"iat":1699999990,"nbf":1699999990,"groups":["ml"],"roles":["admin"],)"
           R"("email":"ada@a.example","email_verified":true,"token_type":"Bearer")");
  ASSERT_TRUE(verdict.is_good()) << to_string(verdict.fault);
  const Principal& who = verdict.principal;
  EXPECT_EQ(who.subject, "ada");
  EXPECT_EQ(who.issuer, "https://a.example");
  EXPECT_EQ(who.issuer_name, "corp");
  EXPECT_EQ(who.client_id, "app");
  EXPECT_EQ(who.preferred_username, "ada.l");
  EXPECT_EQ(who.credential, CredentialKind::opaque);
  EXPECT_EQ(who.credential_id, "t1");
  EXPECT_EQ(who.scopes, (std::vector<std::string>{"predict", "read"}));
  EXPECT_EQ(who.groups, std::vector<std::string>{"ml"});
  EXPECT_EQ(who.roles, std::vector<std::string>{"admin"});
  EXPECT_EQ(who.audiences, std::vector<std::string>{"api"});
  EXPECT_TRUE(who.email_verified);
  EXPECT_EQ(who.expires_at, kNow + 600);
  EXPECT_EQ(verdict.good_from, 1699999990 - 30);
}

TEST(Introspection, IsBelievedForATimeAndNeverBeyondTheEnd) {
  EXPECT_EQ(read("").good_until, kNow + 60);
  EXPECT_EQ(read("\"exp\":" + std::to_string(kNow + 600)).good_until, kNow + 60);
  EXPECT_EQ(read("\"exp\":" + std::to_string(kNow + 7)).good_until, kNow + 7);
  // Its clock says that it is good, and may be behind ours: this once.
  EXPECT_EQ(read("\"exp\":" + std::to_string(kNow - 7)).good_until, kNow - 7);
  EXPECT_EQ(read("\"exp\":" + std::to_string(kNow - 30)).fault, TokenFault::expired);
  EXPECT_EQ(read("").principal.issuer, "https://a.example");
}

TEST(Introspection, IsForUs) {
  config::Issuer issuer = asked_issuer();
  EXPECT_EQ(fault_of(R"({"active":true,"sub":"a"})"), TokenFault::no_audience);
  EXPECT_EQ(fault_of(R"({"active":true,"sub":"a","aud":[]})"), TokenFault::wrong_audience);
  EXPECT_EQ(fault_of(R"({"active":true,"sub":"a","aud":["x","api"]})"), TokenFault::none);
  EXPECT_EQ(fault_of(R"({"active":true,"sub":"a","aud":"apis"})"), TokenFault::wrong_audience);
  EXPECT_EQ(fault_of(R"({"active":true,"sub":"a","aud":{"a":1}})"), TokenFault::bad_claims);
  issuer.introspection_needs_audience = false;
  EXPECT_EQ(fault_of(R"({"active":true,"sub":"a"})", issuer), TokenFault::wrong_type);
  EXPECT_EQ(fault_of(R"({"active":true,"sub":"a","token_type":"bearer"})", issuer), TokenFault::none);
  EXPECT_EQ(fault_of(R"({"active":true,"sub":"a","aud":"x","token_type":"bearer"})", issuer),
            TokenFault::wrong_audience);
}

TEST(Introspection, WhatIsRefused) {
  const std::pair<const char*, TokenFault> cases[] = {
      {R"("iss":"https://a.example/")", TokenFault::unknown_issuer},
      {R"("iss":"https://A.example")", TokenFault::unknown_issuer},
      {R"("iss":7)", TokenFault::bad_claims},
      {R"("token_type":"N_A")", TokenFault::wrong_type},
      {R"("token_use":"refresh_token")", TokenFault::wrong_type},
      {R"("token_use":"id","token_type":"Bearer")", TokenFault::wrong_type},
      {R"("typ":"Refresh")", TokenFault::wrong_type},
      {R"("typ":["Bearer"])", TokenFault::wrong_type},
      {R"("exp":"soon")", TokenFault::bad_time},
      {R"("exp":1e300)", TokenFault::bad_time},
      {R"("nbf":1700000031)", TokenFault::not_yet_valid},
      {R"("iat":1700000031)", TokenFault::issued_in_future},
      {R"("cnf":{"jwk":{}})", TokenFault::bad_binding},
      {R"("cnf":"x")", TokenFault::bad_binding},
  };
  for (const auto& [more, fault] : cases) EXPECT_EQ(read(more).fault, fault) << more;
  EXPECT_EQ(fault_of(R"({"active":true,"aud":"api","client_id":"app","username":"ada"})"), TokenFault::no_subject);
  config::Issuer issuer = asked_issuer();
  issuer.authorized_parties = {"app"};
  EXPECT_EQ(read("", issuer).fault, TokenFault::wrong_party);
  EXPECT_EQ(read(R"("client_id":"app")", issuer).fault, TokenFault::none);
  issuer = asked_issuer();
  issuer.max_lifetime = std::chrono::hours(1);
  EXPECT_EQ(read(R"("iat":1700000000)", issuer).fault, TokenFault::lives_too_long);
}

TEST(Introspection, BindingsAreKept) {
  const std::string print(43, 'x');
  EXPECT_EQ(read(R"("cnf":{"x5t#S256":")" + print + "\"}").principal.bound_certificate, print);
  EXPECT_EQ(read(R"("cnf":{"jkt":")" + print + "\"}").principal.bound_key, print);
}

}  // namespace
}  // namespace postern::identity
