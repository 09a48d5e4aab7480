// What is peculiar about the tokens of each provider, as tables.
#include <gtest/gtest.h>

#include "identity/token_verifier.h"
#include "unit/identity/token_support.h"

namespace postern::identity {
namespace {

using test::kNow;
using Kind = config::IssuerTemplate;
using Texts = std::vector<std::string>;

struct Provider {
  explicit Provider(Kind kind, std::string url, Texts audiences = {"api"}) : issuer(test::plain_issuer()) {
    issuer.kind = kind;
    issuer.url = std::move(url);
    issuer.audiences = std::move(audiences);
  }

  /// `claims` come after `iss` and `exp`.
  TokenVerdict verify(const std::string& claims, const std::string& iss = {}) const {
    const std::string payload =
        R"({"exp":1700000300,"iss":")" + (iss.empty() ? issuer.url : iss) + "\"," + claims + "}";
    return verify_token(*test::one_issuer(issuer, test::rsa_keys()), test::make_token(payload), kNow);
  }
  std::string fault(const std::string& claims, const std::string& iss = {}) const {
    return std::string(to_string(verify(claims, iss).fault));
  }
  Principal who(const std::string& claims, const std::string& iss = {}) const { return verify(claims, iss).principal; }

  config::Issuer issuer;
};

TEST(IssuerQuirks, Okta) {
  const Provider okta(Kind::okta, "https://org.okta.com/oauth2/default", {"api://default"});
  const Principal who =
      okta.who(R"("ver":1,"jti":"AT.1","aud":"api://default","cid":"0oa","uid":"00u","scp":["openid","models"],
                  "sub":"a@corp.com","groups":["Everyone"])");
  EXPECT_EQ(who.subject, "a@corp.com");
  EXPECT_EQ(who.client_id, "0oa");
  EXPECT_EQ(who.scopes, (Texts{"models", "openid"}));
  EXPECT_EQ(who.groups, Texts{"Everyone"});
  // An ID token has no `cid`; the organisation's own tokens have another issuer.
  EXPECT_EQ(okta.fault(R"("aud":"api://default","sub":"a","ver":1,"jti":"ID.1")"), "wrong_type");
  EXPECT_EQ(okta.fault(R"("aud":"api://default","sub":"a","cid":"c")", "https://org.okta.com"), "unknown_issuer");
}

TEST(IssuerQuirks, EntraVersionsDiffer) {
  const std::string v1 = "https://sts.windows.net/11111111-1111-1111-1111-111111111111/";
  const Provider first(Kind::entra, v1, {"api://models"});
  const std::string claims =
      R"("aud":"api://models","oid":"o","sub":"pairwise","tid":"11111111-1111-1111-1111-111111111111",)";
  const Principal who =
      first.who(claims + R"("appid":"app","scp":"a b","roles":["Model.Read"],"upn":"x@corp.com","email":"x@corp.com")");
  EXPECT_EQ(who.subject, "o");
  EXPECT_EQ(who.client_id, "app");
  EXPECT_EQ(who.scopes, (Texts{"a", "b"}));
  EXPECT_EQ(who.roles, Texts{"Model.Read"});
  EXPECT_EQ(who.email, "x@corp.com");
  EXPECT_FALSE(who.email_verified);
  EXPECT_EQ(first.fault(claims + R"("appid":"app")", v1.substr(0, v1.size() - 1)), "unknown_issuer");
  EXPECT_EQ(first.fault(claims + R"("name":"an ID token")"), "wrong_type");
  EXPECT_EQ(first.fault(claims + R"("azp":"a","nonce":"n")"), "wrong_type");
  EXPECT_TRUE(first.who(claims + R"("azp":"a","email":"x@corp.com","xms_edov":1)").email_verified);
  EXPECT_TRUE(first.who(claims + R"("azp":"a","email":"x@corp.com","xms_edov":true)").email_verified);
  EXPECT_FALSE(first.who(claims + R"("azp":"a","email":"x@corp.com","email_verified":true)").email_verified);
}

TEST(IssuerQuirks, EntraTenantsAreListed) {
  Provider many(Kind::entra, "https://login.microsoftonline.com/{tenantid}/v2.0", {"api"});
  many.issuer.tenants = {"aaaa", "bbbb"};
  const auto fault = [&](const std::string& tid, const std::string& iss_tid) {
    return many.fault(R"("aud":"api","oid":"o","azp":"a","tid":)" + tid,
                      "https://login.microsoftonline.com/" + iss_tid + "/v2.0");
  };
  EXPECT_EQ(fault(R"("aaaa")", "aaaa"), "none");
  EXPECT_EQ(fault(R"("bbbb")", "bbbb"), "none");
  EXPECT_EQ(fault(R"("cccc")", "cccc"), "unknown_issuer");
  EXPECT_EQ(fault(R"("aaaa")", "bbbb"), "unknown_issuer");
  EXPECT_EQ(fault(R"("aaaa")", "cccc"), "unknown_issuer");
  EXPECT_EQ(fault("1", "aaaa"), "unknown_issuer");
  EXPECT_EQ(fault(R"("")", ""), "unknown_issuer");
  EXPECT_EQ(fault(R"("{tenantid}")", "{tenantid}"), "unknown_issuer");
  EXPECT_EQ(
      many.who(R"("aud":"api","oid":"o","azp":"a","tid":"aaaa")", "https://login.microsoftonline.com/aaaa/v2.0").issuer,
      "https://login.microsoftonline.com/aaaa/v2.0");
}

TEST(IssuerQuirks, EntraOverageIsNotNoGroups) {
  const Provider entra(Kind::entra, "https://sts.windows.net/t/");
  const std::string claims = R"("aud":"api","oid":"o","azp":"a",)";
  EXPECT_FALSE(entra.who(claims + R"("groups":["g"])").groups_incomplete);
  EXPECT_FALSE(entra.who(claims + R"("hasgroups":false)").groups_incomplete);
  for (
      const char* overage :
      {R"("hasgroups":true)", R"("hasgroups":"true")",
       R"("_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"https://graph.windows.net/t/users/o/getMemberObjects"}})"}) {
    const Principal who = entra.who(claims + overage);
    EXPECT_TRUE(who.groups_incomplete) << overage;
    EXPECT_TRUE(who.groups.empty());
  }
}

TEST(IssuerQuirks, Keycloak) {
  const std::string url = "https://kc.example/realms/r";
  const Provider strict(Kind::keycloak, url, {"my-api"});
  const std::string default_token =
      R"("aud":"account","azp":"my-api","typ":"Bearer","sub":"s","groups":["/a/b"],"realm_access":{"roles":["user"]},
         "resource_access":{"my-api":{"roles":["admin"]},"other":{"roles":["root"]},"odd":1},"scope":"openid email")";
  EXPECT_EQ(strict.fault(default_token), "wrong_audience");
  Provider by_party(Kind::keycloak, url, {"my-api"});
  by_party.issuer.authorized_parties = {"my-api"};
  const Principal who = by_party.who(default_token);
  EXPECT_EQ(who.subject, "s");
  EXPECT_EQ(who.groups, Texts{"/a/b"});
  // Another client's role is never one of ours.
  EXPECT_EQ(who.roles, (Texts{"admin", "my-api:admin", "other:root", "user"}));
  by_party.issuer.authorized_parties = {"elsewhere"};
  EXPECT_EQ(by_party.fault(default_token), "wrong_audience");
  for (const char* type : {"ID", "Refresh", "Offline", "Logout", "bearer"}) {
    EXPECT_EQ(strict.fault(R"("aud":"my-api","sub":"s","typ":")" + std::string(type) + '"'), "wrong_type") << type;
  }
  EXPECT_EQ(strict.fault(
                R"("aud":"my-api","sub":"s","typ":"DPoP","cnf":{"jkt":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"})"),
            "none");
}

TEST(IssuerQuirks, Cognito) {
  const Provider cognito(Kind::cognito, "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A", {"client1"});
  const Principal who = cognito.who(
      R"("sub":"s","client_id":"client1","token_use":"access","scope":"a/b","cognito:groups":["g"],"username":"u")");
  EXPECT_EQ(who.subject, "s");
  EXPECT_EQ(who.groups, Texts{"g"});
  EXPECT_EQ(who.preferred_username, "u");
  EXPECT_EQ(cognito.fault(R"("sub":"s","client_id":"client2","token_use":"access")"), "no_audience");
  EXPECT_EQ(cognito.fault(R"("sub":"s","client_id":"client1")"), "wrong_type");
  EXPECT_EQ(cognito.fault(R"("sub":"s","client_id":"client1","token_use":"id")"), "wrong_type");
  EXPECT_EQ(cognito.fault(R"("sub":"s","aud":"client1","token_use":"id")"), "wrong_type");
  EXPECT_EQ(cognito.fault(R"("sub":"s","aud":"other","client_id":"client1","token_use":"access")"), "wrong_audience");
}

TEST(IssuerQuirks, GoogleAndDexHaveIdTokens) {
  const Provider google(Kind::google, "https://accounts.google.com", {"app1"});
  const Principal who = google.who(
      R"("aud":"app1","azp":"app1","sub":"10","at_hash":"h","nonce":"n","hd":"corp.com","email":"a@corp.com","email_verified":true)");
  EXPECT_EQ(who.subject, "10");
  EXPECT_TRUE(who.email_verified);
  EXPECT_EQ(google.fault(R"("aud":["app1","app2"],"azp":"app2","sub":"10")"), "wrong_audience");
  EXPECT_EQ(google.fault(R"("aud":["app1","app2"],"sub":"10")"), "wrong_audience");
  EXPECT_EQ(google.fault(R"("aud":["app1","app2"],"azp":"app1","sub":"10")"), "none");
  EXPECT_EQ(google.fault(R"("aud":"app1","sub":"10","events":{})"), "wrong_type");
  const Provider dex(Kind::dex, "https://dex.example");
  EXPECT_EQ(dex.who(R"("aud":"api","sub":"CgYxMjM0NTYSBGxkYXA","nonce":"n","at_hash":"h","groups":["g"])").groups,
            Texts{"g"});
}

TEST(IssuerQuirks, Auth0) {
  Provider auth0(Kind::auth0, "https://t.auth0.com/", {"https://api"});
  auth0.issuer.roles_claim = "https://corp.com/roles";
  const Principal who = auth0.who(
      R"("aud":["https://api","https://t.auth0.com/userinfo"],"sub":"auth0|1","azp":"c","scope":"openid",
         "permissions":["read:models"],"https://corp.com/roles":["admin"])");
  EXPECT_EQ(who.scopes, (Texts{"openid", "read:models"}));
  EXPECT_EQ(who.roles, Texts{"admin"});
  EXPECT_EQ(who.client_id, "c");
}

TEST(IssuerQuirks, DatabricksAndAws) {
  const Provider databricks(Kind::databricks, "https://dbc.cloud.databricks.com/oidc", {"1234567890"});
  EXPECT_EQ(databricks.who(R"("aud":"1234567890","sub":"a@corp.com","client_id":"cli","scope":"all-apis")").client_id,
            "cli");
  EXPECT_EQ(databricks.fault(R"("aud":"99","sub":"a@corp.com")"), "wrong_audience");
  const Provider sts(Kind::aws_sts, "https://u.tokens.sts.global.api.aws");
  const Principal who = sts.who(
      R"("aud":"api","sub":"arn:aws:iam::123456789012:role/r","jti":"j","https://sts.amazonaws.com/":{"aws_account":"123456789012"})");
  EXPECT_EQ(who.subject, "arn:aws:iam::123456789012:role/r");
  const Claim account{"https://sts.amazonaws.com/.aws_account", "123456789012"};
  EXPECT_NE(std::find(who.claims.begin(), who.claims.end(), account), who.claims.end());
}

TEST(IssuerQuirks, Kubernetes) {
  const Provider cluster(Kind::kubernetes, "https://kubernetes.default.svc");
  const Principal who = cluster.who(
      R"("aud":["api"],"sub":"system:serviceaccount:ml:trainer","kubernetes.io":{"namespace":"ml","pod":{"name":"p"}})");
  EXPECT_EQ(who.groups, (Texts{"system:serviceaccounts", "system:serviceaccounts:ml"}));
  const Claim name_space{"kubernetes.io.namespace", "ml"};
  EXPECT_NE(std::find(who.claims.begin(), who.claims.end(), name_space), who.claims.end());
  EXPECT_TRUE(cluster.who(R"("aud":["api"],"sub":"system:serviceaccount:ml")").groups.empty());
  // Groups cannot be claimed.
  EXPECT_TRUE(cluster.who(R"("aud":["api"],"sub":"u","groups":["system:masters"])").groups.empty());
}

TEST(IssuerQuirks, ClaimsMayStandElsewhere) {
  Provider plain(Kind::none, "https://a.example");
  plain.issuer.subject_claim = "user.id";
  plain.issuer.groups_claim = "realm.access.groups";
  plain.issuer.scopes_claim = "what";
  plain.issuer.email_claim = "mail";
  const Principal who = plain.who(
      R"("aud":"api","sub":"s","user":{"id":7},"realm.access":{"groups":["g"]},"what":["a b","c"],"mail":"a@b.c","scope":"no")");
  EXPECT_EQ(who.subject, "7");
  EXPECT_EQ(who.groups, Texts{"g"});
  EXPECT_EQ(who.scopes, (Texts{"a", "b", "c"}));
  EXPECT_EQ(who.email, "a@b.c");
  EXPECT_EQ(plain.fault(R"("aud":"api","sub":"s")"), "no_subject");
}

TEST(IssuerQuirks, GroupsStayWhatTheyAre) {  // T25, T45
  const Provider plain(Kind::none, "https://a.example");
  EXPECT_EQ(plain.who(R"("aud":"api","sub":"s","groups":["CN=a,OU=b","",null,{"x":1},["y"]])").groups,
            Texts{"CN=a,OU=b"});
  EXPECT_EQ(plain.who(R"("aud":"api","sub":"s","groups":"a,b c")").groups, Texts{"a,b c"});
}

}  // namespace
}  // namespace postern::identity
