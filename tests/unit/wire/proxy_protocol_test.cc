// PROXY headers of both versions, cut at every byte.
#include "wire/proxy_protocol.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::wire {
namespace {

using namespace std::string_literals;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

ProxyResult parse(const std::string& bytes, ProxyHeader& out) {
  const ProxyResult whole = parse_proxy_header(bytes.data(), bytes.size(), out);
  for (std::size_t n = 0; n < bytes.size(); ++n) {  // pieces: each prefix is tried until one has a verdict
    const std::string prefix = bytes.substr(0, n);
    ProxyHeader ignored;
    const ProxyResult r = parse_proxy_header(prefix.data(), prefix.size(), ignored);
    if (r.status == ParseStatus::need_more) continue;
    EXPECT_EQ(r.status, whole.status) << n;
    EXPECT_EQ(r.consumed, whole.consumed) << n;
    EXPECT_EQ(r.reason, whole.reason) << n;
    break;
  }
  return whole;
}

std::string text_of(const http::Address& address) {
  char out[http::kIpTextMax];
  return std::string(out, static_cast<std::size_t>(http::write_ip(out, address) - out)) + "#" +
         std::to_string(address.port);
}

TEST(ProxyProtocol, V1Addresses) {
  ProxyHeader header;
  const std::string v4 = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n";
  const ProxyResult r = parse(v4 + "GET /", header);
  EXPECT_EQ(r.status, ParseStatus::complete);
  EXPECT_EQ(r.consumed, v4.size());
  EXPECT_EQ(text_of(header.source), "192.0.2.1#56324");
  EXPECT_EQ(text_of(header.destination), "198.51.100.2#443");
  EXPECT_EQ(parse("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", header).status, ParseStatus::complete);
  EXPECT_EQ(text_of(header.source), "2001:db8::1#1");
}

TEST(ProxyProtocol, V1UnknownHasNoAddress) {
  for (const char* line : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"}) {
    ProxyHeader header;
    EXPECT_EQ(parse(line, header).status, ParseStatus::complete);
    EXPECT_FALSE(header.source.is_known());
  }
}

TEST(ProxyProtocol, V1Malformed) {
  for (const std::string& bytes :
       {"GET / HTTP/1.1\r\n"s, "PROXY\r\n"s, "PROXY TCP4\r\n"s, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n"s,
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"s, "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"s,
        "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"s, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"s,
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"s, "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n"s,
        "PROXY TCP4 ::1 ::1 1 2\r\n"s, "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"s,
        "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n"s, "PROXY TCP4 256.0.2.1 192.0.2.2 1 2\r\n"s,
        "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n"s, "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n"s, "PROXY UNKNOWNX\r\n"s,
        "PROXY UNKNOWN " + std::string(200, 'x')}) {
    ProxyHeader header;
    const ProxyResult r = parse(bytes, header);
    EXPECT_EQ(r.status, ParseStatus::failed) << bytes;
    EXPECT_NE(r.reason, nullptr);
  }
}

TEST(ProxyProtocol, V2AddressesAndTlvs) {
  ProxyHeader header;
  const std::string v4 =
      kSignature + "\x21\x11\x00\x0f"s + "\xc0\x00\x02\x01\xc6\x33\x64\x02\x00\x50\x01\xbb"s + "\x04\0\0"s;
  const ProxyResult r = parse(v4 + "next", header);
  EXPECT_EQ(r.status, ParseStatus::complete);
  EXPECT_EQ(r.consumed, v4.size());
  EXPECT_EQ(text_of(header.source), "192.0.2.1#80");
  EXPECT_EQ(text_of(header.destination), "198.51.100.2#443");
  EXPECT_FALSE(header.local);
}

TEST(ProxyProtocol, V2WithoutAddresses) {
  for (const std::string& rest : {"\x20\x00\x00\x00"s, "\x20\x11\x00\x02xx"s, "\x21\x00\x00\x00"s,
                                  "\x21\x00\x00\x03xyz"s, "\x21\x31\x00\xd8"s + std::string(216, 'u')}) {
    ProxyHeader header;
    EXPECT_EQ(parse(kSignature + rest, header).status, ParseStatus::complete);
    EXPECT_FALSE(header.source.is_known());
    EXPECT_EQ(header.local, rest[0] == '\x20');
  }
}

TEST(ProxyProtocol, V2Malformed) {
  for (const std::string& bytes :
       {kSignature + "\x11\x11\x00\x0c"s, kSignature + "\x22\x11\x00\x0c"s, kSignature + "\x21\x41\x00\x0c"s,
        kSignature + "\x21\x13\x00\x0c"s, kSignature + "\x21\x11\x00\x0b"s + std::string(11, 'a'),
        kSignature + "\x21\x21\x00\x23"s + std::string(35, 'a'), kSignature + "\x21\x11\x10\x01"s,
        kSignature + "\x21\x31\x00\xd7"s, "\r\n\r\n\0\r\nQUIX\n"s, "\r\nGET /"s}) {
    ProxyHeader header;
    EXPECT_EQ(parse(bytes, header).status, ParseStatus::failed);
  }
}

TEST(ProxyProtocol, WritesWhatItReads) {
  const auto source = http::parse_ip_port("[2001:db8::1]:1234");
  const auto destination = http::parse_ip_port("[::1]:443");
  const auto v4 = http::parse_ip_port("192.0.2.1:1");
  ASSERT_TRUE(source && destination && v4);
  char out[kProxyV1Max];
  for (const auto& [a, b] : {std::pair(*source, *destination), std::pair(*v4, *v4), std::pair(*v4, *source)}) {
    for (const auto write : {write_proxy_v1, write_proxy_v2}) {
      const std::string bytes(out, static_cast<std::size_t>(write(out, a, b) - out));
      ProxyHeader header;
      ASSERT_EQ(parse(bytes, header).status, ParseStatus::complete) << bytes;
      EXPECT_EQ(header.source, a.size == b.size ? a : http::Address{});
      EXPECT_EQ(header.destination, a.size == b.size ? b : http::Address{});
    }
  }
}

}  // namespace
}  // namespace postern::wire
