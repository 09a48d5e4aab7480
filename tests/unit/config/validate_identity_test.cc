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

}  // namespace
}  // namespace postern::config
