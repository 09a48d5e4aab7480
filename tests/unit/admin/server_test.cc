// The admin endpoint over real sockets: the answers, the limits, the end.
#include "admin/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <filesystem>
#include <future>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "admin/address.h"
#include "admin/client.h"
#include "admin/endpoints.h"
#include "metrics/collector.h"

namespace postern::admin {
namespace {

using namespace std::chrono_literals;

/// Waits for bytes, a second time when a signal came between: a socket with a receive timeout is not restarted.
ssize_t receive(int fd, std::span<char> into) {
  ssize_t n = -1;
  do n = ::recv(fd, into.data(), into.size(), 0);
  while (n < 0 && errno == EINTR);
  return n;
}

/// A plain blocking client that says exactly what it is told.
class RawClient {
 public:
  explicit RawClient(const std::string& address) {
    const auto where = parse_address(address);
    fd_ = ::socket(where->storage.ss_family, SOCK_STREAM, 0);
    timeval timeout{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    EXPECT_EQ(::connect(fd_, where->get(), where->length), 0);
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes) const { ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  /// Until `mark` has been seen, or the end.
  std::string read_until(std::string_view mark) const {
    std::string text;
    std::array<char, 4096> part;
    while (text.find(mark) == std::string::npos) {
      const ssize_t n = receive(fd_, part);
      if (n <= 0) break;
      text.append(part.data(), static_cast<std::size_t>(n));
    }
    return text;
  }
  std::string read_all() const { return read_until("\x01\x02never\x03"); }

 private:
  int fd_;
};

class AdminServerTest : public ::testing::Test {
 protected:
  void start(const std::string& address = "127.0.0.1:0") {
    add_standard_endpoints(*server_, collector_, [this] { return std::string_view(draining_ ? "draining" : ""); });
    server_->add("GET", "/boom", [](const Request&) -> Reply { throw std::runtime_error("secret path /etc/x"); });
    server_->add("POST", "/echo", [](const Request& request) { return Reply{200, std::string(request.query)}; });
    server_->listen(address);
    address_ = server_->address();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~AdminServerTest() override {
    on_control([this] { server_.reset(); });
    work_.reset();
    if (thread_.joinable()) thread_.join();
  }
  template <class Work>
  void on_control(Work work) {
    if (!thread_.joinable()) return work();
    std::promise<void> done;
    boost::asio::post(io_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  Answer get(std::string_view path) {
    const Result<Answer> answer = admin::get(address_, path, 5s);
    EXPECT_TRUE(answer.has_value()) << path;
    return answer ? *answer : Answer{};
  }
  std::string exchange(std::string_view request) {
    const RawClient client(address_);
    client.send(request);
    return client.read_all();
  }

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  metrics::MetricsRegistry registry_;
  metrics::Collector collector_{registry_, {"0.1.0", "epoll"}};
  std::unique_ptr<Server> server_ = std::make_unique<Server>(io_);
  std::string address_;
  std::atomic<bool> draining_{false};
  std::thread thread_;
};

TEST_F(AdminServerTest, StandardEndpoints) {
  start();
  EXPECT_EQ(get("/healthz").status, 200U);
  EXPECT_EQ(get("/readyz").status, 200U);
  draining_ = true;
  EXPECT_EQ(get("/readyz").status, 503U);
  EXPECT_EQ(get("/readyz").body, "draining\n");
  EXPECT_EQ(get("/healthz").status, 200U);
  const Answer metrics = get("/metrics");
  EXPECT_EQ(metrics.status, 200U);
  EXPECT_NE(metrics.body.find("postern_build_info{version=\"0.1.0\",engine=\"epoll\"} 1\n"), std::string::npos);
  EXPECT_EQ(get("/other").status, 404U);
}

TEST_F(AdminServerTest, HeadersAndHead) {
  start();
  const std::string text = exchange("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(text.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), std::string::npos);
  EXPECT_NE(text.find("Cache-Control: no-store\r\n"), std::string::npos);
  EXPECT_EQ(text.find("Server:"), std::string::npos);
  const std::string head = exchange("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 3\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
}

TEST_F(AdminServerTest, MethodsAndErrorsTellNoInternals) {
  start();
  const std::string refused = exchange("DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 405 ")) << refused;
  EXPECT_NE(refused.find("Allow: GET, HEAD\r\n"), std::string::npos);
  EXPECT_NE(exchange("GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").find("Allow: POST\r\n"),
            std::string::npos);
  EXPECT_TRUE(exchange("POST /echo?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ends_with("\r\n\r\na=1"));
  const Answer boom = get("/boom");
  EXPECT_EQ(boom.status, 500U);
  EXPECT_EQ(boom.body, "internal error\n");
  EXPECT_EQ(get("/healthz").status, 200U) << "still there";
}

TEST_F(AdminServerTest, KeepsConnectionsAlive) {
  start();
  const RawClient client(address_);
  for (int i = 0; i < 3; ++i) {
    client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(client.read_until("ok\n").starts_with("HTTP/1.1 200 "));
  }
  client.send("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.read_all().ends_with("ready\n")) << "pipelined, behind a HEAD";
}

TEST_F(AdminServerTest, HostileInputIsCutShort) {
  start();
  EXPECT_TRUE(exchange("NONSENSE\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(exchange("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n").starts_with("HTTP/1.1 400 "));
  const std::string body =
      exchange("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcdGET /healthz HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(body.starts_with("HTTP/1.1 413 ")) << body;
  EXPECT_EQ(body.find("200"), std::string::npos) << "nothing behind a body is a request";
  EXPECT_TRUE(exchange("GET /healthz HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n")
                  .starts_with("HTTP/1.1 413 "));
  { const RawClient leaves_early(address_); }
  EXPECT_EQ(get("/healthz").status, 200U);
}

TEST_F(AdminServerTest, ConnectionsAreBounded) {
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t i = 0; i < Server::kMaxConnections; ++i) {
    clients.push_back(std::make_unique<RawClient>(address_));
    clients.back()->send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_NE(clients.back()->read_until("ok\n"), "");
  }
  EXPECT_EQ(exchange("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "") << "closed at once";
  clients.clear();
  while (exchange("GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n").empty()) std::this_thread::yield();
}

TEST_F(AdminServerTest, UnixSocketReplacesADeadFileOnly) {
  std::string pattern = (std::filesystem::temp_directory_path() / "admin_test.XXXXXX").string();
  const std::string folder = ::mkdtemp(pattern.data());
  const std::string path = folder + "/admin.sock";
  const auto where = parse_address("unix:" + path);
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(dead, where->get(), where->length), 0);
  ::close(dead);

  start("unix:" + path);
  EXPECT_EQ(address_, "unix:" + path);
  EXPECT_EQ(get("/healthz").status, 200U);
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0660));
  boost::asio::io_context other_io;
  Server second(other_io);
  EXPECT_THROW(second.listen("unix:" + path), std::system_error) << "in use";
  on_control([this] { server_->stop(); });
  EXPECT_FALSE(std::filesystem::exists(path));
  std::filesystem::remove_all(folder);
}

TEST_F(AdminServerTest, PortInUseIsOneLine) {
  start();
  boost::asio::io_context other_io;
  Server second(other_io);
  try {
    second.listen(address_);
    FAIL();
  } catch (const std::system_error& failure) {
    EXPECT_EQ(failure.what(), "admin listen " + address_ + ": Address already in use");
  }
  EXPECT_THROW(second.listen("nonsense"), std::system_error);
  EXPECT_THROW(second.listen("127.0.0.1:99999"), std::system_error);
}

TEST_F(AdminServerTest, StopClosesEverything) {
  start();
  const RawClient idle(address_);
  idle.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.read_until("ok\n");
  on_control([this] { server_->stop(); });
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_EQ(admin::get(address_, "/healthz", 1s).error().code, Code::refused);
}

TEST_F(AdminServerTest, ContextMayEndWithConnectionsOpen) {
  start();
  const RawClient idle(address_);
  idle.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.read_until("ok\n");
  io_.stop();
  thread_.join();
}

TEST_F(AdminServerTest, AnswersWhenDescriptorsHaveRunOut) {
  start();
  EXPECT_EQ(get("/healthz").status, 200U);
  const RawClient client(address_);  // its descriptor is made before the limit; the server's is not
  // Accepted by now or later: fill up only behind a served request on a second connection.
  client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  client.read_until("ok\n");
  const auto where = parse_address(address_);
  const int waiting = ::socket(AF_INET, SOCK_STREAM, 0);
  std::vector<int> hogs;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = 256;
  ::setrlimit(RLIMIT_NOFILE, &low);
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) hogs.push_back(fd);
  timeval timeout{5, 0};
  ::setsockopt(waiting, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  EXPECT_EQ(::connect(waiting, where->get(), where->length), 0);
  const std::string request = "GET /readyz HTTP/1.0\r\n\r\n";
  ::send(waiting, request.data(), request.size(), MSG_NOSIGNAL);
  std::array<char, 512> text{};
  EXPECT_GT(receive(waiting, text), 0);
  EXPECT_NE(std::string(text.data()).find(" 200 "), std::string::npos);
  for (const int fd : hogs) ::close(fd);
  ::setrlimit(RLIMIT_NOFILE, &before);
  ::close(waiting);
}

TEST_F(AdminServerTest, HealthCommand) {
  start();
  EXPECT_EQ(health(address_), 0);
  draining_ = true;
  EXPECT_EQ(health(address_), 1);
  EXPECT_EQ(health(address_, "/healthz"), 0);
  EXPECT_EQ(health("127.0.0.1:1", "/healthz", 500ms), 1);
  EXPECT_EQ(health("unix:/nonexistent/sock", "/healthz", 500ms), 1);
  EXPECT_EQ(health("nonsense"), 1);
}

TEST(AdminClient, GivesUpOnASilentServer) {
  auto where = *parse_address("127.0.0.1:0");
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(listener, where.get(), where.length), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  where.length = sizeof where.storage;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&where.storage), &where.length);
  EXPECT_EQ(get(to_string(where), "/", 30ms).error().code, Code::timeout);
  ::close(listener);
}

TEST(AdminAddress, ParsesAndPrints) {
  for (const char* text : {"127.0.0.1:9180", "[::1]:9180", "unix:/run/x.sock"}) {
    ASSERT_TRUE(parse_address(text)) << text;
    EXPECT_EQ(to_string(*parse_address(text)), text);
  }
  EXPECT_EQ(to_string(*parse_address("localhost:1")), "127.0.0.1:1");
  for (const char* text :
       {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "host:1", "[::1:1", "unix:"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
  EXPECT_FALSE(parse_address("unix:/" + std::string(200, 'x')));
}

}  // namespace
}  // namespace postern::admin
