// systemd's notification protocol, heard by a socket of the test's.
#include "server/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace postern::server {
namespace {

class NotifierTest : public ::testing::Test {
 protected:
  NotifierTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "notify_test.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~NotifierTest() override {
    ::close(fd_);
    std::filesystem::remove_all(folder_);
  }
  void listen(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    ASSERT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  std::string heard() {
    char text[1024];
    const ssize_t size = ::recv(fd_, text, sizeof text, MSG_DONTWAIT);
    return std::string(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  }
  std::string folder_;
  const int fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

TEST_F(NotifierTest, SaysWhatHappens) {
  const std::string path = folder_ + "/s";
  listen(path);
  Notifier notifier(path, std::chrono::seconds(3));
  ASSERT_TRUE(notifier.is_managed());
  EXPECT_EQ(notifier.watchdog_interval(), std::chrono::seconds(3));
  notifier.ready("serving\nREADY=0");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=serving READY=0") << "a status is one line";
  notifier.reloading();
  EXPECT_EQ(heard().rfind("RELOADING=1\nMONOTONIC_USEC=", 0), 0u);
  notifier.watchdog();
  EXPECT_EQ(heard(), "WATCHDOG=1");
  notifier.main_process(7, "new");
  EXPECT_EQ(heard(), "MAINPID=7\nSTATUS=new");
  notifier.extend(std::chrono::milliseconds(5));
  EXPECT_EQ(heard(), "EXTEND_TIMEOUT_USEC=5000");
  notifier.stopping("bye");
  EXPECT_EQ(heard(), "STOPPING=1\nSTATUS=bye");
}

TEST_F(NotifierTest, KnowsAbstractNames) {
  const std::string name = "@postern-notify-test-" + std::to_string(::getpid());
  listen(name);
  Notifier notifier(name);
  notifier.watchdog();
  EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST_F(NotifierTest, DoesNothingWithoutAManager) {
  for (const std::string& address : {std::string(), std::string("relative"), std::string("@"), std::string("vsock:1:2"),
                                     folder_ + "/nobody", "/" + std::string(200, 'x')}) {
    Notifier notifier(address, std::chrono::seconds(3));
    EXPECT_FALSE(notifier.is_managed()) << address;
    EXPECT_EQ(notifier.watchdog_interval().count(), 0);
    notifier.ready("x");
  }
}

TEST_F(NotifierTest, NeverWaitsForAManagerThatDoesNotRead) {
  const std::string path = folder_ + "/s";
  listen(path);
  Notifier notifier(path);
  for (int i = 0; i < 10'000; ++i) notifier.watchdog();
  EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST(WatchdogVariables, AreForThisProcessAndSane) {
  using std::chrono::microseconds;
  EXPECT_EQ(parse_watchdog("2000000", nullptr, 7), microseconds(2'000'000));
  EXPECT_EQ(parse_watchdog("2000000", "7", 7), microseconds(2'000'000));
  EXPECT_EQ(parse_watchdog("2000000", "8", 7), microseconds(0));
  EXPECT_EQ(parse_watchdog("2000000", "x", 7), microseconds(0));
  for (const char* text : {"", "0", "-1", "1s", "18446744073709551616", "86400000001"}) {
    EXPECT_EQ(parse_watchdog(text, nullptr, 7), microseconds(0)) << text;
  }
  EXPECT_EQ(parse_watchdog(nullptr, nullptr, 7), microseconds(0));
}

}  // namespace
}  // namespace postern::server
