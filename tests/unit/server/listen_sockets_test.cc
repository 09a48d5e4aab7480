// Listening sockets: one per core, ports that are taken, and what dead daemons leave behind.
#include "server/listen_sockets.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "net/socket_address.h"

namespace postern::server {
namespace {

config::Listener listener(const std::string& address) {
  config::Listener out;
  out.name = "a";
  out.address = address;
  out.backlog = 16;
  out.unix_mode = "0600";
  return out;
}

struct Opened : ListenSockets {
  explicit Opened(ListenSockets sockets) : ListenSockets(std::move(sockets)) {}
  ~Opened() {
    for (const int fd : fds) ::close(fd);
  }
};

std::string address_of(int fd) { return net::local_of(fd).text(); }

class UnixFolder : public ::testing::Test {
 protected:
  UnixFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "listen_test.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~UnixFolder() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/s"; }
  std::string folder_;
};

TEST(ListenSockets, OnePerCoreOnTheSamePort) {
  const Opened sockets(open_listener(listener("127.0.0.1:0"), 3));
  ASSERT_EQ(sockets.error, "");
  ASSERT_EQ(sockets.fds.size(), 3u);
  EXPECT_NE(net::to_address(net::local_of(sockets.fds[0])).port, 0);
  EXPECT_EQ(address_of(sockets.fds[1]), address_of(sockets.fds[0]));
  EXPECT_EQ(address_of(sockets.fds[2]), address_of(sockets.fds[0]));
}

TEST(ListenSockets, SixIsNotFour) {
  const Opened six(open_listener(listener("[::]:0"), 1));
  if (!six.error.empty()) GTEST_SKIP() << "no IPv6 here";
  int only = 0;
  socklen_t size = sizeof only;
  ::getsockopt(six.fds[0], IPPROTO_IPV6, IPV6_V6ONLY, &only, &size);
  EXPECT_EQ(only, 1);
}

TEST(ListenSockets, RefusesAPortOfAnotherReusingListener) {
  // SO_REUSEPORT alone would let a second daemon of this user take half of the connections.
  const Opened first(open_listener(listener("127.0.0.1:0"), 2));
  ASSERT_EQ(first.error, "");
  const Opened second(open_listener(listener(address_of(first.fds[0])), 2));
  EXPECT_TRUE(second.fds.empty());
  EXPECT_NE(second.error.find("Address already in use"), std::string::npos) << second.error;
  EXPECT_NE(second.error.find("listener a"), std::string::npos) << second.error;
}

TEST(ListenSockets, RefusesWhatIsNoAddress) {
  const Opened sockets(open_listener(listener("nonsense"), 1));
  EXPECT_TRUE(sockets.fds.empty());
  EXPECT_NE(sockets.error, "");
}

TEST_F(UnixFolder, AllCoresShareOneSocketWithItsMode) {
  const Opened sockets(open_listener(listener("unix:" + path()), 2));
  ASSERT_EQ(sockets.error, "");
  EXPECT_EQ(sockets.fds.size(), 2u);
  struct stat there {};
  ASSERT_EQ(::stat(path().c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 0777, 0600u);
}

TEST_F(UnixFolder, TakesOverALeftover) {
  { const Opened dead(open_listener(listener("unix:" + path()), 1)); }
  ASSERT_TRUE(std::filesystem::exists(path()));
  const Opened sockets(open_listener(listener("unix:" + path()), 1));
  EXPECT_EQ(sockets.error, "");
}

TEST_F(UnixFolder, LeavesOneThatIsServed) {
  const Opened first(open_listener(listener("unix:" + path()), 1));
  const Opened second(open_listener(listener("unix:" + path()), 1));
  EXPECT_NE(second.error.find("Address already in use"), std::string::npos) << second.error;
}

TEST_F(UnixFolder, NeverRemovesAFileThatIsNoSocket) {
  std::ofstream(path()) << "precious";
  const Opened sockets(open_listener(listener("unix:" + path()), 1));
  EXPECT_NE(sockets.error, "");
  EXPECT_EQ(std::filesystem::file_size(path()), 8u);
}

}  // namespace
}  // namespace postern::server
