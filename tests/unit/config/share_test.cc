// Shares and URLs as config values.
#include "config/share.h"

#include <gtest/gtest.h>

namespace postern::config {
namespace {

TEST(ConfigShare, ReadsPercent) {
  EXPECT_EQ(share_of("0%"), 0.0);
  EXPECT_EQ(share_of("100%"), 1.0);
  EXPECT_DOUBLE_EQ(*share_of("1%"), 0.01);
  EXPECT_DOUBLE_EQ(*share_of("0.25%"), 0.0025);
  EXPECT_DOUBLE_EQ(*share_of("99.9999%"), 0.999999);
  for (const char* bad : {"", "%", "1", "101%", "100.1%", "-1%", "1.%", ".5%", "1.00001%", "1,5%", "1e1%", "1 %"}) {
    EXPECT_FALSE(share_of(bad)) << bad;
  }
}

TEST(ConfigShare, ReadsUrls) {
  const auto plain = parse_http_url("http://127.0.0.1:4318/v1/traces?x=1");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->is_secure);
  EXPECT_EQ(plain->host, "127.0.0.1");
  EXPECT_EQ(plain->port, 4318);
  EXPECT_EQ(plain->target, "/v1/traces?x=1");
  EXPECT_EQ(plain->authority, "127.0.0.1:4318");
  const auto secure = parse_http_url("https://otel.example.com");
  ASSERT_TRUE(secure);
  EXPECT_TRUE(secure->is_secure);
  EXPECT_EQ(secure->port, 443);
  EXPECT_EQ(secure->target, "/");
  EXPECT_EQ(secure->authority, "otel.example.com");
  EXPECT_EQ(parse_http_url("https://a.example:443/x")->authority, "a.example");
  const auto six = parse_http_url("http://[::1]/v1");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->host, "::1");
  EXPECT_EQ(six->port, 80);
  EXPECT_EQ(six->authority, "[::1]");
  for (const char* bad :
       {"", "http://", "ftp://a/", "127.0.0.1:4318", "http://user@host/", "http://host:0/", "http://host:x/",
        "http://host/a b", "http://host/#f", "http://host/\n", "http://host?x", "http://[::1/", "http://ho st/"}) {
    EXPECT_FALSE(parse_http_url(bad)) << bad;
  }
}

}  // namespace
}  // namespace postern::config
