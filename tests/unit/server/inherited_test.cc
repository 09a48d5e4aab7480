// Sockets that were open before the process began: what the environment may say of them, and what it may not.
#include "server/inherited.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/listen_sockets.h"

namespace postern::server {
namespace {

using Fds = std::vector<int>;

TEST(InheritedPlan, IsWhatSystemdSays) {
  const InheritedPlan plan = parse_listen_fds("42", "3", "web::web", 42);
  ASSERT_EQ(plan.error, "");
  ASSERT_EQ(plan.entries.size(), 3u);
  EXPECT_EQ(plan.entries[0].fd, 3);
  EXPECT_EQ(plan.entries[0].name, "web");
  EXPECT_EQ(plan.entries[1].name, "");
  EXPECT_EQ(plan.entries[2].fd, 5);
  EXPECT_EQ(plan.entries[2].name, "web");
  EXPECT_EQ(parse_listen_fds("42", "2", nullptr, 42).entries.size(), 2u);
}

TEST(InheritedPlan, LeavesAloneWhatIsMeantForOthers) {
  for (const auto& plan : {parse_listen_fds("41", "3", nullptr, 42), parse_listen_fds(nullptr, "3", nullptr, 42),
                           parse_listen_fds("42", nullptr, nullptr, 42)}) {
    EXPECT_TRUE(plan.entries.empty());
    EXPECT_EQ(plan.error, "");
  }
}

TEST(InheritedPlan, RefusesNonsense) {
  for (const char* count : {"", "-1", "3x", " 3", "65537", "99999999999999999999", "0x3"}) {
    const InheritedPlan plan = parse_listen_fds("42", count, nullptr, 42);
    EXPECT_TRUE(plan.entries.empty()) << count;
    EXPECT_NE(plan.error, "") << count;
  }
  EXPECT_NE(parse_listen_fds("me", "1", nullptr, 42).error, "");
  EXPECT_TRUE(parse_listen_fds("42", "0", "a:b", 42).entries.empty());
  const std::string endless(100'000, 'n');
  EXPECT_LE(parse_listen_fds("42", "1", endless.c_str(), 42).entries.at(0).name.size(), 255u);
}

TEST(InheritedPlan, ReadsWhatItsPredecessorWrites) {
  const std::string text = write_handover(9, {{"127.0.0.1:80", {4, 5}, false},
                                              {"a b unix:/with space", {6}, false},
                                              {"nothing", {}, false},
                                              {"unix:/admin", {7}, true}});
  const InheritedPlan plan = parse_handover(text);
  ASSERT_EQ(plan.error, "") << text;
  EXPECT_EQ(plan.ready_fd, 9);
  ASSERT_EQ(plan.entries.size(), 4u);
  EXPECT_EQ(plan.entries[1].fd, 5);
  EXPECT_EQ(plan.entries[1].key, "127.0.0.1:80");
  EXPECT_EQ(plan.entries[2].key, "a b unix:/with space");
  EXPECT_FALSE(plan.entries[2].admin);
  EXPECT_TRUE(plan.entries[3].admin);
}

TEST(InheritedPlan, RefusesAHandoverThatIsNotWhole) {
  for (const char* text :
       {"", "ready", "ready x\n", "ready 2\n", "ready 1048577\n", "ready 5\nready 6\n", "ready 5\nlisten\n",
        "ready 5\nlisten 6\n", "ready 5\nlisten 6 \n", "ready 5\nlisten 5 a\n", "ready 5\nlisten 6,6 a\n",
        "ready 5\nlisten 6,,7 a\n", "ready 5\nlisten -6 a\n", "ready 5\nother 6 a\n", "listen 6 a\n", "\n"}) {
    const InheritedPlan plan = parse_handover(text);
    EXPECT_NE(plan.error, "") << text;
    EXPECT_TRUE(plan.entries.empty()) << text;
    EXPECT_EQ(plan.ready_fd, -1) << text;
  }
}

TEST(InheritedPlan, LeavesNothingOfItToTheNextButOne) {
  const char* environment[] = {"A=1",
                               "POSTERN_HANDOVER=x",
                               "LISTEN_FDS=3",
                               "LISTEN_PID=1",
                               "LISTEN_FDNAMES=a",
                               "WATCHDOG_PID=1",
                               "WATCHDOG_USEC=5",
                               "NOTIFY_SOCKET=/s",
                               nullptr};
  const std::vector<std::string> kept = successor_environment(const_cast<char* const*>(environment));
  EXPECT_EQ(kept, (std::vector<std::string>{"A=1", "WATCHDOG_USEC=5", "NOTIFY_SOCKET=/s"}));
}

class InheritedSocketsTest : public ::testing::Test {
 protected:
  int listening() {
    config::Listener listener;
    listener.name = "any";
    listener.address = "127.0.0.1:0";
    listener.backlog = 16;
    return open_listener(listener, 1).fds.at(0);
  }
  static bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
};

TEST_F(InheritedSocketsTest, AreTakenByNameAndByAddress) {
  const int a = listening(), b = listening(), c = listening();
  InheritedPlan plan;
  plan.entries = {{a, "web", "", false}, {b, "x", "", false}, {c, "x", "", false}};
  InheritedSockets sockets(plan);
  EXPECT_EQ(sockets.take("web 127.0.0.1:0", "web", {}), Fds{a});
  EXPECT_EQ(sockets.take("k", "other", {net::local_of(c)}), Fds{c});
  EXPECT_EQ(sockets.take("k", "other", {net::local_of(c)}), Fds{}) << "once";
  EXPECT_EQ(sockets.close_rest().size(), 1u);
  EXPECT_FALSE(is_open(b));
  for (const int fd : {a, c}) {
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ::close(fd);
  }
}

TEST_F(InheritedSocketsTest, OfAPredecessorAreTakenByItsWordAlone) {
  const int a = listening(), b = listening(), admin = listening();
  InheritedPlan plan;
  plan.entries = {{a, "", "k", false}, {b, "", "k", false}, {admin, "", "adm", true}};
  InheritedSockets sockets(plan);
  EXPECT_EQ(sockets.take("adm", "adm", {}), Fds{});
  EXPECT_EQ(sockets.take("k", "", {}), (Fds{a, b}));
  EXPECT_EQ(sockets.take_admin("other"), -1);
  EXPECT_EQ(sockets.take_admin("adm"), admin);
  for (const int fd : {a, b, admin}) ::close(fd);
}

TEST_F(InheritedSocketsTest, AreListeningStreamSockets) {
  const int datagram = ::socket(AF_INET, SOCK_DGRAM, 0), silent = ::socket(AF_INET, SOCK_STREAM, 0);
  const int file = ::open("/dev/null", O_RDONLY), absent = 1000;
  InheritedPlan plan;
  plan.entries = {
      {datagram, "a", "", false}, {silent, "a", "", false}, {file, "a", "", false}, {absent, "a", "", false}};
  InheritedSockets sockets(plan);
  EXPECT_TRUE(sockets.take("", "a", {}).empty());
  for (const int fd : {datagram, silent, file}) EXPECT_FALSE(is_open(fd));
}

TEST_F(InheritedSocketsTest, AllHaveAWorkerAndAllWorkersHaveOne) {
  config::Listener listener;
  listener.name = "a";
  listener.address = "127.0.0.1:0";
  listener.backlog = 16;
  ListenSockets two = open_listener(listener, 2);
  const net::SocketAddress where = net::local_of(two.fds[0]);
  ListenSockets one = open_listener(listener, 1, two.fds);
  EXPECT_EQ(one.fds, two.fds) << "none may be left without a worker";
  ListenSockets three = open_listener(listener, 3, two.fds);
  ASSERT_EQ(three.fds.size(), 3u);
  for (const int fd : three.fds) EXPECT_EQ(net::local_of(fd), where);
  for (const int fd : three.fds) ::close(fd);
}

}  // namespace
}  // namespace postern::server
