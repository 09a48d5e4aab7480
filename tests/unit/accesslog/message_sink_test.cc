// Lines as messages: the bytes that syslog servers and journald get, and servers that come and go.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "accesslog/datagram_sink.h"
#include "accesslog/message_frame.h"
#include "accesslog/tcp_sink.h"

namespace postern::accesslog {
namespace {

using Outcome = LineSink::Outcome;
using namespace std::chrono_literals;

constexpr std::int64_t kTime = 1'767'225'599'007'000'000;  // 2025-12-31T23:59:59.007Z

TEST(MessageFrame, Syslog) {
  SyslogFrame frame({16, "postern", "access"}, "host.example", 42);
  frame.render(Severity::info, kTime);
  EXPECT_EQ(frame.prefix(), "<134>1 2025-12-31T23:59:59.007Z host.example postern 42 access - ");
  EXPECT_EQ(frame.suffix(), "");
  frame.render(Severity::error, kTime);
  EXPECT_TRUE(frame.prefix().starts_with("<131>1 "));
}

TEST(MessageFrame, Journal) {
  JournalFrame frame({3, "postern", "log"});
  frame.render(Severity::warning, kTime);
  EXPECT_EQ(frame.prefix(), "MESSAGE=");
  EXPECT_EQ(frame.suffix(), "\nPRIORITY=4\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=postern\nPOSTERN_LOG=log\n");
}

TEST(MessageFrame, HostNameHasNoSpace) {
  const std::string name = syslog_host_name();
  EXPECT_FALSE(name.empty());
  EXPECT_EQ(name.find(' '), std::string::npos);
}

/// The line with a mark in front: what a frame adds is tested above.
class MarkFrame final : public MessageFrame {
 public:
  void render(Severity severity, std::int64_t) override {
    prefix_ = std::to_string(static_cast<int>(severity)) + ':';
    suffix_ = "$";
  }
};

class Server {
 public:
  Server(int type, const net::SocketAddress& address) : fd_(::socket(address.family(), type, 0)) {
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    EXPECT_EQ(::bind(fd_, address.get(), address.size), 0);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(::listen(fd_, 8), 0);
    }
  }
  ~Server() { ::close(fd_); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  net::SocketAddress address() const { return net::local_of(fd_); }
  int accept() const { return ::accept(fd_, nullptr, nullptr); }
  std::string receive() const { return receive(fd_); }
  /// What is there within a second.
  static std::string receive(int fd) {
    pollfd poll_fd{fd, POLLIN, 0};
    std::string bytes(1 << 20, '\0');
    if (::poll(&poll_fd, 1, 1000) <= 0) return "nothing";
    const ssize_t n = ::recv(fd, bytes.data(), bytes.size(), 0);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }

 private:
  int fd_;
};

class MessageSinkTest : public ::testing::Test {
 protected:
  MessageSinkTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "message_sink.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~MessageSinkTest() override { std::filesystem::remove_all(folder_); }
  net::SocketAddress local() const { return *net::unix_address(folder_ + "/log"); }
  static net::SocketAddress loopback() { return *net::ip_address("127.0.0.1", 0); }
  void remove_socket() const { ::unlink((folder_ + "/log").c_str()); }

  static DatagramSink datagrams(const net::SocketAddress& to) { return {{to}, std::make_unique<MarkFrame>()}; }
  /// Until the sink has taken all: waits as the writer does.
  static void write_all(LineSink& sink, std::string_view lines) {
    for (int i = 0; i < 500 && sink.write(lines) != Outcome::done; ++i) sink.wait(10ms);
    EXPECT_TRUE(lines.empty());
  }

  std::string folder_;
};

TEST_F(MessageSinkTest, ADatagramPerLine) {
  const Server server(SOCK_DGRAM, local());
  DatagramSink sink = datagrams(local());
  std::string_view lines = "one\ntwo\n";
  EXPECT_EQ(sink.write(lines), Outcome::done);
  sink.set_severity(Severity::error);
  lines = "three\n";
  EXPECT_EQ(sink.write(lines), Outcome::done);
  EXPECT_EQ(server.receive(), "6:one$");
  EXPECT_EQ(server.receive(), "6:two$");
  EXPECT_EQ(server.receive(), "3:three$");
}

TEST_F(MessageSinkTest, LinesWaitForASocketThatIsNotThere) {
  DatagramSink sink = datagrams(local());
  std::string_view lines = "one\n";
  EXPECT_EQ(sink.write(lines), Outcome::unavailable);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(lines, "one\n");
  const Server server(SOCK_DGRAM, local());
  write_all(sink, lines);
  EXPECT_EQ(server.receive(), "6:one$");
}

TEST_F(MessageSinkTest, ARestartedSocketIsFoundAgain) {
  DatagramSink sink = datagrams(local());
  {
    const Server server(SOCK_DGRAM, local());
    write_all(sink, "one\n");
  }
  remove_socket();
  std::string_view lines = "two\n";
  EXPECT_EQ(sink.write(lines), Outcome::unavailable);
  const Server server(SOCK_DGRAM, local());
  write_all(sink, lines);
  EXPECT_EQ(server.receive(), "6:two$");
}

TEST_F(MessageSinkTest, ASlowReaderBlocksNobody) {
  const Server server(SOCK_DGRAM, local());
  DatagramSink sink = datagrams(local());
  std::string many;
  for (int i = 0; i < 5000; ++i) many += std::to_string(i) + '\n';
  std::string_view lines = many;
  EXPECT_EQ(sink.write(lines), Outcome::blocked);
  EXPECT_FALSE(lines.empty());
  int expected = 0;
  while (expected < 5000) {
    ASSERT_EQ(server.receive(), "6:" + std::to_string(expected++) + '$') << "none lost, none twice";
    if (!lines.empty()) sink.write(lines);
  }
}

TEST_F(MessageSinkTest, UdpCountsWhatWasRefused) {
  net::SocketAddress gone;
  {
    const Server server(SOCK_DGRAM, loopback());
    gone = server.address();
  }
  DatagramSink sink = datagrams(gone);
  std::uint64_t lost = 0;
  for (int i = 0; i < 100 && lost == 0; ++i) {
    write_all(sink, "x\n");
    lost = sink.take_lost();
  }
  EXPECT_GT(lost, 0U);
}

TEST_F(MessageSinkTest, TooLargeForADatagramIsLostAndTheNextIsNot) {
  const Server server(SOCK_DGRAM, loopback());
  DatagramSink sink = datagrams(server.address());
  write_all(sink, std::string(70'000, 'x') + "\nsmall\n");
  EXPECT_EQ(sink.take_lost(), 1U);
  EXPECT_EQ(server.receive(), "6:small$");
}

TEST_F(MessageSinkTest, TcpCountsOctets) {
  const Server server(SOCK_STREAM, loopback());
  TcpSink sink({server.address()}, std::make_unique<MarkFrame>());
  write_all(sink, "one\n\nthree\n");
  const int connection = server.accept();
  EXPECT_EQ(Server::receive(connection), "5 6:one2 6:7 6:three");
  ::close(connection);
}

TEST_F(MessageSinkTest, TcpSendsACutMessageAgain) {
  const Server server(SOCK_STREAM, loopback());
  TcpSink sink({server.address()}, std::make_unique<MarkFrame>());
  std::string many;
  while (many.size() < (std::size_t{8} << 20)) many += std::to_string(many.size()) + std::string(5000, '.') + '\n';
  std::string_view lines = many;
  while (sink.write(lines) != Outcome::blocked || lines.size() == many.size()) sink.wait(10ms);
  const std::string_view rest = lines;
  ::close(server.accept());  // with what it has not read: reset
  while (sink.write(lines) == Outcome::blocked) sink.wait(10ms);
  EXPECT_EQ(lines, rest) << "from the start of the message that was cut";
  const int second = [&] {
    for (;;) {
      sink.write(lines);
      pollfd poll_fd{-1, 0, 0};
      ::poll(&poll_fd, 0, 10);
      if (lines.size() < rest.size() || lines.empty()) return server.accept();
      sink.wait(10ms);
    }
  }();
  const std::string got = Server::receive(second);
  const std::string number = std::string(rest.substr(0, rest.find('.')));
  const std::string expected = std::to_string(2 + number.size() + 5000) + " 6:" + number;
  EXPECT_EQ(got.substr(0, expected.size()), expected);
  ::close(second);
}

TEST_F(MessageSinkTest, TcpNoticesThatTheServerHasGone) {
  const Server server(SOCK_STREAM, loopback());
  TcpSink sink({server.address()}, std::make_unique<MarkFrame>());
  write_all(sink, "one\n");
  int connection = server.accept();
  Server::receive(connection);
  ::close(connection);
  write_all(sink, "two\n");
  connection = server.accept();
  EXPECT_EQ(Server::receive(connection), "5 6:two") << "not into the closed one";
  ::close(connection);
}

TEST_F(MessageSinkTest, TheSecondAddressIsTried) {
  net::SocketAddress gone;
  {
    const Server closed(SOCK_STREAM, loopback());
    gone = closed.address();
  }
  const Server server(SOCK_STREAM, loopback());
  TcpSink sink({gone, server.address()}, std::make_unique<MarkFrame>());
  write_all(sink, "one\n");
  const int connection = server.accept();
  EXPECT_EQ(Server::receive(connection), "5 6:one");
  ::close(connection);
}

}  // namespace
}  // namespace postern::accesslog
