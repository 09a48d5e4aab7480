// Networks: what is one, and who is in it.
#include "net/cidr.h"

#include <gtest/gtest.h>

namespace postern::net {
namespace {

http::Address ip(std::string_view text) { return *http::parse_ip(text); }

TEST(Cidr, Contains) {
  EXPECT_TRUE(parse_cidr("10.0.0.0/8")->contains(ip("10.255.0.1")));
  EXPECT_FALSE(parse_cidr("10.0.0.0/8")->contains(ip("11.0.0.1")));
  EXPECT_TRUE(parse_cidr("192.0.2.64/26")->contains(ip("192.0.2.127")));
  EXPECT_FALSE(parse_cidr("192.0.2.64/26")->contains(ip("192.0.2.128")));
  EXPECT_TRUE(parse_cidr("192.0.2.77/26")->contains(ip("192.0.2.64")));  // host bits do not count
  EXPECT_TRUE(parse_cidr("0.0.0.0/0")->contains(ip("203.0.113.9")));
  EXPECT_TRUE(parse_cidr("2001:db8::/33")->contains(ip("2001:db8:7fff::1")));
  EXPECT_FALSE(parse_cidr("2001:db8::/33")->contains(ip("2001:db8:8000::1")));
  EXPECT_TRUE(parse_cidr("::1")->contains(ip("::1")));
}

TEST(Cidr, FamiliesDoNotMix) {
  EXPECT_FALSE(parse_cidr("0.0.0.0/0")->contains(ip("::1")));
  EXPECT_FALSE(parse_cidr("::/0")->contains(ip("127.0.0.1")));
  EXPECT_FALSE(parse_cidr("0.0.0.0/0")->contains(http::Address{}));
}

TEST(Cidr, RefusesWhatIsNone) {
  for (const char* text :
       {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8", "::/129", "host/8", "/8", "unix"}) {
    EXPECT_FALSE(parse_cidr(text)) << text;
  }
}

TEST(CidrList, HoldsNetworksAndUnix) {
  const CidrList none;
  EXPECT_TRUE(none.empty());
  EXPECT_FALSE(none.contains(http::Address{}));
  const CidrList some({"10.0.0.0/8", "::1", "nonsense"});
  EXPECT_TRUE(some.contains(ip("10.1.2.3")));
  EXPECT_TRUE(some.contains(ip("::1")));
  EXPECT_FALSE(some.contains(http::Address{}));
  const CidrList unix_only({"unix"});
  EXPECT_FALSE(unix_only.empty());
  EXPECT_TRUE(unix_only.contains(http::Address{}));
  EXPECT_FALSE(unix_only.contains(ip("127.0.0.1")));
}

}  // namespace
}  // namespace postern::net
