// What an issuer's keys must agree on.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.h"

namespace postern::config {
namespace {

using Lines = std::vector<std::string>;

Lines complaints_about(const std::string& issuers) {
  Lines found;
  const std::string text = "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\n" + issuers;
  for (const Diagnostic& d : load(text, "/etc/c.toml", {}).diagnostics) found.push_back(d.key + ": " + d.message);
  return found;
}

Lines complaints(const std::string& lines, const std::string& url = "https://a.example") {
  return complaints_about("[[issuer]]\nname = \"i\"\nurl = \"" + url + "\"\naudiences = [\"x\"]\n" + lines);
}

TEST(ValidateIdentity, Good) {
  for (const char* lines :
       {"", "jwks_url = \"https://b.example/keys\"", "jwks_file = \"k\"", "pem_file = \"k\"", "secret_file = \"k\"",
        "secret_file = \"k\"\nalgorithms = [\"HS256\"]", "algorithms = [\"ES512\", \"RS256\"]",
        "jwks_url = \"http://b.example/keys\"\nallow_http = true", "types = [\"at+jwt\"]"}) {
    EXPECT_EQ(complaints(lines), Lines{}) << lines;
  }
  EXPECT_EQ(complaints("jwks_file = \"k\"", "kubernetes/serviceaccount"), Lines{});
  EXPECT_EQ(complaints("template = \"entra\"\ntenants = [\"t\"]", "https://login.example/{tenantid}/v2.0"), Lines{});
}

TEST(ValidateIdentity, AudiencesAreMandatory) {
  EXPECT_EQ(complaints_about("[[issuer]]\nname = \"i\"\nurl = \"https://a.example\"\naudiences = []\n"),
            Lines{"issuer[0].audiences: must not be empty"});
  EXPECT_EQ(complaints_about("[[issuer]]\nname = \"i\"\nurl = \"https://a.example\"\naudiences = [\"\"]\n"),
            Lines{"issuer[0].audiences[0]: must not be empty"});
  EXPECT_EQ(complaints_about("[[issuer]]\nname = \"i\"\nurl = \"https://a.example\"\n"),
            Lines{"issuer[0].audiences: missing"});
}

TEST(ValidateIdentity, SecretsAndPublicKeysDoNotMix) {
  EXPECT_EQ(complaints("algorithms = [\"HS256\"]"), Lines{"issuer[0].algorithms[0]: HS256 needs a secret"});
  EXPECT_EQ(complaints("secret_file = \"k\"\nalgorithms = [\"HS256\", \"RS256\"]"),
            Lines{"issuer[0].algorithms[1]: a secret is for HS256 alone"});
  EXPECT_EQ(complaints("secret_file = \"k\"\npem_file = \"k\""),
            Lines{"issuer[0].secret_file: stands beside pem_file"});
}

TEST(ValidateIdentity, KeysComeOverTls) {
  EXPECT_EQ(complaints("jwks_url = \"http://b.example/\""), Lines{"issuer[0].jwks_url: not https"});
  EXPECT_EQ(complaints("", "http://a.example"), Lines{"issuer[0].url: not https"});
  EXPECT_EQ(complaints("", "a.example"), Lines{"issuer[0].url: not a URL"});
}

TEST(ValidateIdentity, TypesThatAreNoAccessTokens) {
  EXPECT_EQ(complaints("types = [\"JWT\", \"application/Logout+JWT\", \"dpop+jwt\"]"),
            (Lines{"issuer[0].types[1]: never the type of an access token",
                   "issuer[0].types[2]: never the type of an access token"}));
}

TEST(ValidateIdentity, TenantsAreListed) {
  const std::string url = "https://login.example/{tenantid}/v2.0";
  EXPECT_EQ(complaints("template = \"entra\"", url), Lines{"issuer[0].tenants: missing"});
  EXPECT_EQ(complaints("", url), Lines{"issuer[0].url: {tenantid} is for template = \"entra\" alone"});
  EXPECT_EQ(complaints("tenants = [\"t\"]"), Lines{"issuer[0].tenants: has no effect unless url has {tenantid}"});
}

TEST(ValidateIdentity, NamesAndUrlsAreUnique) {
  const std::string one = "[[issuer]]\nname = \"i\"\nurl = \"https://a.example\"\naudiences = [\"x\"]\n";
  EXPECT_EQ(complaints_about(one + one),
            (Lines{"issuer[1].name: the same as in line 5", "issuer[1].url: the same as in line 6"}));
}

TEST(ValidateIdentity, IntrospectionNeedsToKnowWhoWeAre) {
  const std::string url = "introspection_url = \"https://a.example/i\"\n";
  const std::string us = "introspection_client_id = \"p\"\nintrospection_secret_file = \"s\"\n";
  EXPECT_EQ(complaints(url + us), Lines{});
  EXPECT_EQ(complaints(url),
            (Lines{"issuer[0].introspection_client_id: missing", "issuer[0].introspection_secret_file: missing"}));
  EXPECT_EQ(complaints("introspection_client_id = \"p\""),
            Lines{"issuer[0].introspection_client_id: has no effect without introspection_url"});
  EXPECT_EQ(complaints("introspection_tokens = \"all\""),
            Lines{"issuer[0].introspection_tokens: has no effect without introspection_url"});
  EXPECT_EQ(complaints("introspection_url = \"http://a.example/i\"\n" + us),
            Lines{"issuer[0].introspection_url: not https"});
  // Asked about everything it needs no keys, so its url need not be one.
  EXPECT_EQ(complaints(url + us, "corp"), Lines{"issuer[0].url: not a URL"});
  EXPECT_EQ(complaints(url + us + "introspection_tokens = \"all\"", "corp"), Lines{});
}

TEST(ValidateIdentity, ATokenIsShownToOneIssuerAtMost) {
  std::string text;
  for (const std::string name : {"a", "b"})
    text += "[[issuer]]\nname = \"" + name + "\"\nurl = \"https://" + name +
            ".example\"\naudiences = [\"x\"]\nintrospection_url = \"https://" + name +
            ".example/i\"\nintrospection_client_id = \"p\"\nintrospection_secret_file = \"s\"\n";
  text += "[[upstream]]\nname = \"u\"\nendpoints = [\"127.0.0.1:1\"]\n";
  const auto with_route = [&text](const std::string& more) {
    return complaints_about(text + "[[route]]\nname = \"r\"\npath = \"/*\"\nforward = \"u\"\n[route.access]\n" +
                            "policy = \"authenticated\"\n" + more);
  };
  EXPECT_EQ(with_route(""),
            Lines{"route[0].access.issuers: several issuers could be asked about an opaque token: a, b"});
  EXPECT_EQ(with_route("issuers = [\"b\"]"), Lines{});
  EXPECT_EQ(with_route("credentials = [\"api_key\"]"), Lines{});
}

TEST(ValidateIdentity, GroupsAreLookedUpForEntraAlone) {
  const std::string app = "graph_client_id = \"a\"\ngraph_secret_file = \"s\"\n";
  EXPECT_EQ(complaints("template = \"entra\"\n" + app), Lines{});
  EXPECT_EQ(complaints(app), Lines{"issuer[0].graph_client_id: is for template = \"entra\" alone"});
  EXPECT_EQ(complaints("template = \"entra\"\ngraph_client_id = \"a\""), Lines{"issuer[0].graph_secret_file: missing"});
  EXPECT_EQ(complaints("graph_secret_file = \"s\""),
            Lines{"issuer[0].graph_secret_file: has no effect without graph_client_id"});
  EXPECT_EQ(complaints("template = \"entra\"\ngraph_url = \"http://graph.example\"\n" + app),
            Lines{"issuer[0].graph_url: not https"});
  EXPECT_EQ(complaints("template = \"entra\"\ngraph_token_url = \"login.example/{tenantid}\"\n" + app),
            Lines{"issuer[0].graph_token_url: not a URL"});
}

}  // namespace
}  // namespace postern::config
