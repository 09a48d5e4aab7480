// Addresses as texts, as bytes and as the kernel has them.
#include "net/socket_address.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace postern::net {
namespace {

TEST(SocketAddress, Texts) {
  EXPECT_EQ(ip_address("127.0.0.1", 80)->text(), "127.0.0.1:80");
  EXPECT_EQ(ip_address("2001:db8::1", 443)->text(), "[2001:db8::1]:443");
  EXPECT_EQ(unix_address("/run/x.sock")->text(), "unix:/run/x.sock");
}

TEST(SocketAddress, RefusesWhatIsNone) {
  EXPECT_FALSE(ip_address("localhost", 80));
  EXPECT_FALSE(ip_address("127.1", 80));
  EXPECT_FALSE(unix_address(""));
  EXPECT_FALSE(unix_address(std::string(108, 'x')));
  EXPECT_TRUE(unix_address(std::string(107, 'x')));
}

TEST(SocketAddress, BytesForHeaders) {
  const http::Address four = to_address(*ip_address("192.0.2.7", 8080));
  EXPECT_EQ(four.size, 4);
  EXPECT_EQ(four.port, 8080);
  EXPECT_EQ(four.bytes[0], 192);
  EXPECT_EQ(to_address(*ip_address("::ffff:192.0.2.7", 1)).size, 4);  // one client, one spelling
  EXPECT_EQ(to_address(*ip_address("::1", 1)).size, 16);
  EXPECT_FALSE(to_address(*unix_address("/x")).is_known());
}

TEST(SocketAddress, ResolvesLiteralsAndUnixPathsWithoutAsking) {
  ASSERT_EQ(resolve_now("127.0.0.1:80").size(), 1u);
  EXPECT_EQ(resolve_now("127.0.0.1:80")[0].text(), "127.0.0.1:80");
  EXPECT_EQ(resolve_now("[::1]:8443").at(0).text(), "[::1]:8443");
  EXPECT_TRUE(resolve_now("unix:/x").at(0).is_unix());
  EXPECT_TRUE(resolve_now("nonsense").empty());
}

TEST(SocketAddress, BothEndsOfADescriptor) {
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  EXPECT_TRUE(local_of(fds[0]).is_unix());
  EXPECT_EQ(remote_of(fds[0]).text(), "unix:");
  ::close(fds[0]);
  ::close(fds[1]);
  EXPECT_EQ(local_of(-1).size, 0u);
}

}  // namespace
}  // namespace postern::net
