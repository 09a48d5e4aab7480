// Chains of proxies read from the right, and what we write (row I4).
#include "http/forwarded.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::http {
namespace {

std::string text_of(const Address& address) {
  char out[kIpTextMax];
  return {out, static_cast<std::size_t>(write_ip(out, address) - out)};
}

bool is_internal(const Address& address) { return address.size == 4 && address.bytes[0] == 10; }

std::string client(std::initializer_list<const char*> lines, const char* peer = "10.0.0.1",
                   ForwardedSource source = ForwardedSource::x_forwarded_for) {
  Fields fields;
  for (const char* line : lines) {
    fields.add(source == ForwardedSource::forwarded ? FieldId::forwarded : FieldId::x_forwarded_for, line);
  }
  return text_of(client_address(fields, *parse_ip(peer), source, is_internal));
}

TEST(ClientAddress, I4UntrustedPeerIsTheClient) { EXPECT_EQ(client({"203.0.113.9"}, "192.0.2.1"), "192.0.2.1"); }

TEST(ClientAddress, I4NearestUntrustedFromTheRight) {
  EXPECT_EQ(client({}), "10.0.0.1");
  EXPECT_EQ(client({"203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client({"1.1.1.1, 203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client({"1.1.1.1, 203.0.113.9, 10.0.0.7 ,10.0.0.8"}), "203.0.113.9");
  EXPECT_EQ(client({"1.1.1.1", "203.0.113.9", "10.0.0.7"}), "203.0.113.9");
  EXPECT_EQ(client({"10.0.0.9, 10.0.0.8"}), "10.0.0.9");
  EXPECT_EQ(client({"203.0.113.9:1234"}), "203.0.113.9");
  EXPECT_EQ(client({"[2001:db8::1]:99"}), "2001:db8::1");
  EXPECT_EQ(client({"203.0.113.9, ::ffff:10.0.0.7"}), "203.0.113.9");
}

TEST(ClientAddress, StopsWhereTheChainBreaks) {
  EXPECT_EQ(client({"1.1.1.1, junk, 10.0.0.8"}), "10.0.0.8");
  EXPECT_EQ(client({"unknown"}), "10.0.0.1");
  std::string longest = "1.1.1.1";
  for (int i = 0; i < 100; ++i) longest += ", 10.0.0." + std::to_string(i);
  EXPECT_EQ(client({longest.c_str()}), "10.0.0.68");
}

TEST(ClientAddress, ForwardedField) {
  const auto read = [](std::initializer_list<const char*> lines) {
    return client(lines, "10.0.0.1", ForwardedSource::forwarded);
  };
  EXPECT_EQ(read({"for=1.1.1.1, For=203.0.113.9;proto=https;by=10.0.0.1"}), "203.0.113.9");
  EXPECT_EQ(read({R"(for="[2001:db8::1]:4711")"}), "2001:db8::1");
  EXPECT_EQ(read({R"(host="a,for=9.9.9.9";for=203.0.113.9)"}), "203.0.113.9");
  EXPECT_EQ(read({"for=203.0.113.9, for=10.0.0.3"}), "203.0.113.9");
  EXPECT_EQ(read({"for=unknown"}), "10.0.0.1");
  EXPECT_EQ(read({"for=_hidden, for=10.0.0.3"}), "10.0.0.3");
  EXPECT_EQ(read({"for=1.1.1.1;for=2.2.2.2"}), "10.0.0.1");
  EXPECT_EQ(read({"proto=http"}), "10.0.0.1");
}

TEST(ClientAddress, OneSourceNeverTheOther) {
  Fields fields;
  fields.add(FieldId::forwarded, "for=6.6.6.6");
  const Address peer = *parse_ip("10.0.0.1");
  EXPECT_EQ(text_of(client_address(fields, peer, ForwardedSource::x_forwarded_for, is_internal)), "10.0.0.1");
}

std::string element(const char* ip, std::string_view host, Scheme scheme) {
  std::string out(forwarded_bound(host), '?');
  const Address address = ip != nullptr ? *parse_ip(ip) : Address{};
  const char* end = write_forwarded(out.data(), address, host, scheme);
  const auto size = static_cast<std::size_t>(end - out.data());
  EXPECT_LE(size, out.size());
  return out.substr(0, size);
}

TEST(Forwarded, Writes) {
  EXPECT_EQ(element("192.0.2.1", "h:1", Scheme::https), "for=192.0.2.1;host=\"h:1\";proto=https");
  EXPECT_EQ(element("2001:db8::1", "", Scheme::http), "for=\"[2001:db8::1]\";proto=http");
  EXPECT_EQ(element(nullptr, "", Scheme::http), "for=unknown;proto=http");
  EXPECT_EQ(element("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "\"\\", Scheme::https),
            "for=\"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]\";host=\"\\\"\\\\\";proto=https");
}

}  // namespace
}  // namespace postern::http
