// IP addresses as text, both ways.
#include "http/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace postern::http {
namespace {

std::string text_of(const Address& address) {
  char out[kIpTextMax];
  return {out, static_cast<std::size_t>(write_ip(out, address) - out)};
}

TEST(Address, RoundTrip) {
  for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "1::", "2001:db8::1",
                           "2001:db8:1:2:3:4:5:6", "1:0:0:2::3", "1::2:0:0:3", "::ffff:192.0.2.1", "fe80::1:0:0:2",
                           "1:2:3:4:5:6:7:0", "0:1:2:3:4:5:6:7", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    const auto address = parse_ip(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(text_of(*address), text);
  }
}

TEST(Address, AgreesWithThePlatformOnValidity) {
  const char* texts[] = {"1.2.3",
                         "1.2.3.4.5",
                         "1.2.3.256",
                         "01.2.3.4",
                         "1.2.3.4 ",
                         "",
                         "1..2.3",
                         ".1.2.3",
                         "1:2",
                         "1:2:3:4:5:6:7:8:9",
                         ":1",
                         "1:",
                         "1::2::3",
                         ":::",
                         "12345::",
                         "g::",
                         "::1%eth0",
                         "1:2:3:4:5:6:7::",
                         "::2:3:4:5:6:7:8",
                         "::1.2.3.4",
                         "1:2:3:4:5:6:1.2.3.4",
                         "1:2:3:4:5:6:7:1.2.3.4",
                         "::1.2.3",
                         "1.2.3.4::",
                         "::ffff:1.2.3.4:5",
                         "1:2:3:4:5:6:7:8",
                         "1::8",
                         "0::0",
                         "a:b::c:D"};
  for (const char* text : texts) {
    unsigned char bytes[16];
    const bool v6 = std::strchr(text, ':') != nullptr;
    const bool sound = inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) == 1;
    const auto address = parse_ip(text);
    EXPECT_EQ(address.has_value(), sound) << text;
    if (sound && address) {
      EXPECT_EQ(std::memcmp(bytes, address->bytes.data(), v6 ? 16 : 4), 0) << text;
    }
  }
}

TEST(Address, Ports) {
  EXPECT_EQ(parse_ip_port("192.0.2.1:80")->port, 80);
  EXPECT_EQ(parse_ip_port("192.0.2.1")->port, 0);
  EXPECT_EQ(parse_ip_port("[::1]:65535")->port, 65535);
  EXPECT_EQ(parse_ip_port("[::1]")->size, 16);
  EXPECT_EQ(parse_ip_port("::1")->size, 16);
  for (const char* bad :
       {"192.0.2.1:", "192.0.2.1:65536", "[::1]:", "[::1]x", "[::1", "[192.0.2.1]", "h:80", "", "[]"}) {
    EXPECT_FALSE(parse_ip_port(bad)) << bad;
  }
}

TEST(Address, Unmapped) {
  EXPECT_EQ(text_of(unmapped(*parse_ip("::ffff:192.0.2.1"))), "192.0.2.1");
  EXPECT_EQ(text_of(unmapped(*parse_ip("::1"))), "::1");
}

}  // namespace
}  // namespace postern::http
