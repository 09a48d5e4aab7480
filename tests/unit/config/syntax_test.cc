// Value checks at their edges; whole configs stand in bad_input_test.cc.
#include "config/syntax.h"

#include <gtest/gtest.h>

namespace postern::config {
namespace {

TEST(ConfigSyntax, ReadsAddresses) {
  const std::optional<Address> v6 = parse_address("[::1]:8443");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 8443);
  EXPECT_EQ(parse_address("model_server.svc:9000")->host, "model_server.svc");
  EXPECT_EQ(parse_address("unix:/run/x.sock")->path, "/run/x.sock");
  for (const std::string_view bad : {"",      ":",         "h",      "h:",        ":1",     "h:-1",
                                     "h:1x",  "h:000080",  "[::1]",  "[::1]8443", "[h]:1",  "[127.0.0.1]:1",
                                     "::1:1", "a b:1",     "h..x:1", "unix:",     "unix:/", "unix:x",
                                     "h:1:2", "[::1%lo]:1"}) {
    EXPECT_FALSE(parse_address(bad)) << bad;
  }
  EXPECT_FALSE(parse_address("unix:/" + std::string(107, 'x')));
  EXPECT_TRUE(parse_address("unix:/" + std::string(106, 'x')));
  EXPECT_FALSE(parse_address(std::string_view("unix:/a\0b", 9)));
  EXPECT_FALSE(is_ip(std::string_view("1.2.3.4\0", 8)));
}

TEST(ConfigSyntax, ChecksNetworks) {
  for (const std::string_view good : {"10.0.0.0/8", "0.0.0.0/0", "10.1.2.3", "::1/128", "fd00::/8", "::/0", "unix"}) {
    EXPECT_EQ(check_network(good), "") << good;
  }
  for (const std::string_view bad :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "fd00::1/64", "::/129", "10.0/8", "h"}) {
    EXPECT_NE(check_network(bad), "") << bad;
  }
}

TEST(ConfigSyntax, ChecksHosts) {
  for (const std::string_view good : {"a", "api.example.com", "*.example.com", "10.0.0.1", "[::1]", "x_y.local"}) {
    EXPECT_EQ(check_host_pattern(good), "") << good;
  }
  for (const std::string_view bad : {"", "*", "*.", "*example.com", "a.*", "a.", ".a", "a..b", "-a", "a:80", "::1",
                                     "[10.0.0.1]", "10.0.0", "http://a", "a/b"}) {
    EXPECT_NE(check_host_pattern(bad), "") << bad;
  }
}

TEST(ConfigSyntax, ChecksHeaders) {
  EXPECT_TRUE(is_token("X-Custom_1~"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a:b"));
  EXPECT_FALSE(is_token("\xc3\xa9"));
  EXPECT_EQ(check_header_value("a\tb \xff"), "");
  for (const std::string_view bad : {" a", "a ", "\ta", "a\n", "a\x7f"}) EXPECT_NE(check_header_value(bad), "") << bad;
  EXPECT_NE(check_header_value(std::string_view("a\0b", 3)), "");
  EXPECT_EQ(check_editable_header("x-a"), "");
  for (const std::string_view own : {"Host", "connection", "TE", "Content-Length", "upgrade", "x y"}) {
    EXPECT_NE(check_editable_header(own), "") << own;
  }
}

TEST(ConfigSyntax, ChecksRedirects) {
  for (const std::string_view good :
       {"", "/", "/a/{b}", "https://a.example", "https://a.example:8443/x", "http://[::1]/", "http://[::1]:80/",
        "https://a.example{path}{query}", "https://a.example/{x}?y=1", "https://{host}{path}{query}",
        "{scheme}://www.{host}/", "{path}/"}) {
    EXPECT_EQ(check_redirect(good), "") << good;
  }
  for (const std::string_view bad : {"a", "//a", "{tail}", "https://{host}{a}/", "https://x@{host}/",
                                     "https://{host}{host}", "https://", "https:///x", "https://{h}/", "https://a.{h}/",
                                     "https://a@b/", "https://*.a/", "https://a:x/", "javascript:1", "/a\r\nb"}) {
    EXPECT_NE(check_redirect(bad), "") << bad;
  }
}

}  // namespace
}  // namespace postern::config
