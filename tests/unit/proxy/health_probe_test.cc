// What a check asks, what it makes of answers and of their absence, and how long its connection serves.
#include "proxy/health_probe.h"

#include <gtest/gtest.h>

#include "net/tls_client_context.h"
#include "unit/proxy/health_server.h"

namespace postern::proxy {
namespace {

using metrics::HealthResult;
using test::HealthServer;

std::string message(std::string_view bytes) {
  return std::string("\0\0\0\0", 4) + static_cast<char>(bytes.size()) + std::string(bytes);
}
const std::string kServing = message("\x08\x01");

class GrpcHealthProbe : public testing::Test {
 protected:
  explicit GrpcHealthProbe(std::string service = "") {
    spec_.service = std::move(service);
    spec_.timeout_ms = 200;
    const upstream::EndpointSpec endpoint{.name = "localhost:7", .address = server_.address(), .zone = {}};
    target_ = health_target(endpoint, spec_, config::UpstreamProtocol::h2, nullptr);
    probe_ = make_health_probe(loop_, target_, spec_);
    server_.answer.body = kServing;
  }
  ~GrpcHealthProbe() override {
    probe_.reset();
    test::settle(loop_);
  }
  HealthResult check() {
    test::Running<HealthFinding> running(loop_, probe_->run());
    EXPECT_TRUE(finish(running));
    return running.get().result;
  }
  bool finish(test::Running<HealthFinding>& running) {
    return test::drive(loop_, [&] {
      server_.step();
      return running.done();
    });
  }

  net::Loop loop_;
  HealthServer server_;
  upstream::HealthSpec spec_;
  HealthTarget target_;
  std::unique_ptr<HealthProbe> probe_;
};

class NamedGrpcHealthProbe : public GrpcHealthProbe {
 protected:
  NamedGrpcHealthProbe() : GrpcHealthProbe("model") {}
};

TEST_F(NamedGrpcHealthProbe, AsksForItsService) {
  EXPECT_EQ(check(), HealthResult::serving);
  EXPECT_EQ(server_.fields[":method"], "POST");
  EXPECT_EQ(server_.fields[":path"], "/grpc.health.v1.Health/Check");
  EXPECT_EQ(server_.fields[":authority"], "localhost:7");
  EXPECT_EQ(server_.fields["content-type"], "application/grpc");
  EXPECT_EQ(server_.fields["te"], "trailers");
  EXPECT_EQ(server_.fields["grpc-timeout"], "200m");
  EXPECT_EQ(server_.body, message("\x0a\x05model"));
}

TEST_F(GrpcHealthProbe, KnowsAnswers) {
  struct Row {
    HealthServer::Answer answer;
    HealthResult result;
  };
  const std::string long_message(300, 'x');
  for (const Row& row : {
           Row{{.body = kServing}, HealthResult::serving},
           Row{{.body = message("\x08\x02")}, HealthResult::not_serving},
           Row{{.body = message("")}, HealthResult::not_serving},
           Row{{.body = message("\x08\x03")}, HealthResult::unknown_service},
           Row{{.grpc_status = "5"}, HealthResult::unknown_service},
           Row{{.grpc_status = "12"}, HealthResult::unimplemented},
           Row{{.grpc_status = "4"}, HealthResult::timeout},
           Row{{.grpc_status = "0"}, HealthResult::failed},  // no message
           Row{{.grpc_status = ""}, HealthResult::failed},
           Row{{.body = kServing, .grpc_status = ""}, HealthResult::failed},
           Row{{.body = kServing, .grpc_status = "13"}, HealthResult::failed},
           Row{{.body = kServing.substr(0, 6)}, HealthResult::failed},
           Row{{.body = kServing + kServing}, HealthResult::failed},
           Row{{.body = long_message}, HealthResult::failed},
           Row{{.status = "404", .grpc_status = ""}, HealthResult::failed},
           Row{{.status = "503", .body = kServing}, HealthResult::failed},
           Row{{.drop = true}, HealthResult::failed},
           Row{{.body = kServing}, HealthResult::serving},
       }) {
    SCOPED_TRACE(row.answer.status + " " + row.answer.grpc_status + " " + row.answer.body);
    server_.answer = row.answer;
    EXPECT_EQ(check(), row.result);
  }
}

TEST_F(GrpcHealthProbe, KeepsItsConnection) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(check(), HealthResult::serving);
  EXPECT_EQ(server_.connections, 1);
}

TEST_F(GrpcHealthProbe, TakesAFreshConnectionBehindSilence) {
  for (int i = 1; i <= 2; ++i) {
    server_.answer.silent = true;
    test::Running<HealthFinding> running(loop_, probe_->run());
    ASSERT_TRUE(test::drive(loop_, [&] {
      server_.step();
      return server_.checks == i;
    }));
    probe_->cancel();  // its time was over
    EXPECT_NE(running.get().result, HealthResult::serving);
  }
  server_.answer.silent = false;
  EXPECT_EQ(check(), HealthResult::serving);
  EXPECT_EQ(server_.connections, 3);
}

TEST_F(GrpcHealthProbe, DoesNotBlameTheServerForClosingWhatRested) {
  EXPECT_EQ(check(), HealthResult::serving);
  server_.close_connections();  // not seen here before the next question
  EXPECT_EQ(check(), HealthResult::serving);
  server_.close_connections();
  test::settle(loop_);
  EXPECT_EQ(check(), HealthResult::serving);
}

TEST_F(GrpcHealthProbe, SeesThatNobodyListens) {
  EXPECT_EQ(check(), HealthResult::serving);
  server_.close_connections();
  server_.close_listener();
  EXPECT_EQ(check(), HealthResult::unreachable);
  EXPECT_EQ(check(), HealthResult::unreachable);
}

TEST_F(GrpcHealthProbe, EndsWhenCancelled) {
  server_.answer.silent = true;
  test::Running<HealthFinding> running(loop_, probe_->run());
  ASSERT_TRUE(test::drive(loop_, [&] {
    server_.step();
    return server_.checks == 1;
  }));
  probe_->cancel();
  test::settle(loop_);  // no clock is involved
  EXPECT_TRUE(running.done());
}

TEST_F(GrpcHealthProbe, DoesNotAskWhenCancelledBeforeItIsConnected) {
  test::Running<HealthFinding> running(loop_, probe_->run());
  EXPECT_FALSE(running.done());
  probe_->cancel();
  EXPECT_TRUE(running.finish());  // nobody answers
  server_.step();
  server_.step();
  EXPECT_EQ(server_.checks, 0);
}

/// Takes one connection, reads a head, says its piece, and closes.
class PlainServer {
 public:
  PlainServer() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const auto any = net::ip_address("127.0.0.1", 0);
    EXPECT_EQ(::bind(listener_, any->get(), any->size), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
  }
  ~PlainServer() {
    ::close(listener_);
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] net::SocketAddress address() const { return net::local_of(listener_); }
  void step() {
    if (const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK); fd >= 0) {
      if (fd_ >= 0) ::close(fd_);
      fd_ = fd;
      request.clear();
    }
    char block[4096];
    const ssize_t got = fd_ >= 0 ? ::recv(fd_, block, sizeof block, 0) : -1;
    if (got <= 0) return;
    request.append(block, static_cast<std::size_t>(got));
    if (!request.ends_with("\r\n\r\n") || answer.empty()) return;
    EXPECT_GT(::send(fd_, answer.data(), answer.size(), MSG_NOSIGNAL), 0);
    if (closes) ::close(std::exchange(fd_, -1));
  }
  std::string answer;
  std::string request;
  bool closes = true;

 private:
  int listener_;
  int fd_ = -1;
};

class PlainHealth : public testing::Test {
 protected:
  HealthFinding check(config::HealthKind kind) {
    spec_.kind = kind;
    const upstream::EndpointSpec endpoint{.name = "models.test:7", .address = server_.address(), .zone = {}};
    const HealthTarget target = health_target(endpoint, spec_, config::UpstreamProtocol::http1, nullptr);
    const std::unique_ptr<HealthProbe> probe = make_health_probe(loop_, target, spec_);
    test::Running<HealthFinding> running(loop_, probe->run());
    EXPECT_TRUE(test::drive(loop_, [&] {
      server_.step();
      return running.done();
    }));
    return running.get();
  }
  net::Loop loop_;
  PlainServer server_;
  upstream::HealthSpec spec_;
};

TEST_F(PlainHealth, AnOpenPortIsEnoughForTcp) {
  EXPECT_EQ(check(config::HealthKind::tcp).result, HealthResult::serving);
  const int taken = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto any = net::ip_address("127.0.0.1", 0);
  EXPECT_EQ(::bind(taken, any->get(), any->size), 0);  // and nobody listens
  std::uint16_t port = 0;
  net::SocketAddress local = net::local_of(taken);
  port = ntohs(reinterpret_cast<const sockaddr_in*>(&local.storage)->sin_port);
  spec_.port = port;
  EXPECT_EQ(check(config::HealthKind::tcp).result, HealthResult::unreachable);
  ::close(taken);
}

TEST_F(PlainHealth, AsksForItsPath) {
  server_.answer = "HTTP/1.1 204 No Content\r\n\r\n";
  spec_.path = "/ping?deep=1";
  EXPECT_EQ(check(config::HealthKind::http).result, HealthResult::serving);
  EXPECT_TRUE(server_.request.starts_with("GET /ping?deep=1 HTTP/1.1\r\n")) << server_.request;
  EXPECT_NE(server_.request.find("\r\nHost: models.test:7\r\n"), std::string::npos) << server_.request;
  spec_.host = "other";
  spec_.method = config::HealthMethod::post;
  EXPECT_EQ(check(config::HealthKind::http).result, HealthResult::serving);
  EXPECT_TRUE(server_.request.starts_with("POST ")) << server_.request;
  EXPECT_NE(server_.request.find("\r\nHost: other\r\n"), std::string::npos) << server_.request;
}

TEST_F(PlainHealth, JudgesStatusAndBody) {
  const auto ask = [&](std::string answer) {
    server_.answer = std::move(answer);
    return check(config::HealthKind::http).result;
  };
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"), HealthResult::serving);
  EXPECT_EQ(ask("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), HealthResult::bad_status);
  EXPECT_EQ(ask("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), HealthResult::bad_status);
  EXPECT_EQ(ask("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), HealthResult::serving);
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal"), HealthResult::failed);
  EXPECT_EQ(ask("SSH-2.0-what\r\n"), HealthResult::failed);
  spec_.statuses = {{503, 503}, {200, 204}};
  spec_.expected_body = "ready";
  EXPECT_EQ(ask("HTTP/1.1 503 Busy\r\nContent-Length: 7\r\n\r\nalready"), HealthResult::serving);
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnot"), HealthResult::bad_body);
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\n\r\nready until the end"), HealthResult::serving);
}

TEST_F(PlainHealth, ReadsNoMoreThanItMay) {
  server_.closes = false;  // and the body would go on
  server_.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n0123456789ready";
  spec_.max_body = 10;
  spec_.expected_body = "ready";
  EXPECT_EQ(check(config::HealthKind::http).result, HealthResult::bad_body);
  spec_.max_body = 15;
  server_.answer += "!";
  EXPECT_EQ(check(config::HealthKind::http).result, HealthResult::serving);
  spec_.max_body = 0;
  spec_.expected_body.clear();
  EXPECT_EQ(check(config::HealthKind::http).result, HealthResult::serving);
}

}  // namespace
}  // namespace postern::proxy
