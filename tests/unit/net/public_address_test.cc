#include "net/public_address.h"

#include <gtest/gtest.h>

namespace postern::net {
namespace {

bool is_public_text(const char* text) {
  const auto address = http::parse_ip(text);
  EXPECT_TRUE(address) << text;
  return is_public(*address);
}

TEST(PublicAddress, IsOneOfTheInternet) {
  for (const char* text :
       {"1.1.1.1",        "8.8.8.8",          "9.255.255.255",  "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
        "126.0.0.1",      "128.0.0.1",        "169.253.1.1",    "172.15.255.255",  "172.32.0.0",      "192.167.1.1",
        "192.169.0.0",    "198.17.0.1",       "198.20.0.1",     "223.255.255.255", "2606:4700::1111", "2a00:1450::1",
        "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"}) {
    EXPECT_TRUE(is_public_text(text)) << text;
  }
}

TEST(PublicAddress, IsNothingElse) {
  for (const char* text : {"0.0.0.0",
                           "10.0.0.1",
                           "127.0.0.1",
                           "127.255.255.255",
                           "100.64.0.1",
                           "100.127.255.255",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.0.1",
                           "192.0.0.1",
                           "192.0.2.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "239.1.1.1",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "fe80::1",
                           "febf::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "ff02::1",
                           "2001:db8::1",
                           "2001::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "::ffff:169.254.169.254",
                           "64:ff9b::a00:1",
                           "64:ff9b::7f00:1",
                           "64:ff9b:1::1",
                           "2002:7f00:1::1",
                           "2002:a00:1::1",
                           "::127.0.0.1",
                           "4000::1",
                           "100::1"}) {
    EXPECT_FALSE(is_public_text(text)) << text;
  }
  EXPECT_FALSE(is_public(http::Address()));
}

}  // namespace
}  // namespace postern::net
