#include "identity/discovery_document.h"

#include <gtest/gtest.h>

namespace postern::identity {
namespace {

TEST(DiscoveryDocument, StandsBelowTheIssuer) {
  EXPECT_EQ(discovery_url("https://a.example"), "https://a.example/.well-known/openid-configuration");
  EXPECT_EQ(discovery_url("https://a.example/"), "https://a.example/.well-known/openid-configuration");
  EXPECT_EQ(discovery_url("https://a.example/t/v2"), "https://a.example/t/v2/.well-known/openid-configuration");
  EXPECT_EQ(discovery_url("https://login.example/{tenantid}/v2.0"),
            "https://login.example/organizations/v2.0/.well-known/openid-configuration");
}

TEST(DiscoveryDocument, NamesTheIssuerByteForByte) {
  const auto parse = [](const std::string& issuer) {
    return parse_discovery(R"({"issuer":")" + issuer + R"(","jwks_uri":"https://a.example/keys","x":[{"y":1}]})",
                           "https://a.example");
  };
  EXPECT_EQ(parse("https://a.example").jwks_uri, "https://a.example/keys");
  for (const char* other : {"https://a.example/", "https://A.example", "http://a.example", "", "https://b.example"}) {
    EXPECT_EQ(parse(other).error, "names another issuer than the config") << other;
    EXPECT_EQ(parse(other).jwks_uri, "");
  }
}

TEST(DiscoveryDocument, IsReadStrictly) {
  for (const char* bad :
       {"", "[]", "{", "<html></html>", "{}", R"({"issuer":"https://a.example"})",
        R"({"issuer":"https://a.example","jwks_uri":""})", R"({"issuer":"https://a.example","jwks_uri":1})",
        R"({"issuer":["https://a.example"],"jwks_uri":"https://a.example/keys"})",
        R"({"issuer":"https://a.example","issuer":"https://a.example","jwks_uri":"https://a.example/keys"})"}) {
    EXPECT_NE(parse_discovery(bad, "https://a.example").error, "") << bad;
  }
  EXPECT_EQ(parse_discovery(std::string(600 * 1024, ' '), "x").error, "larger than 512 KiB");
}

}  // namespace
}  // namespace postern::identity
