// What a check asks, what it makes of answers and of their absence, and how long its connection serves.
#include "proxy/health_probe.h"

#include <gtest/gtest.h>

#include "net/tls_client_context.h"
#include "unit/proxy/health_server.h"
#include "unit/upstream/clusters.h"
#include "wire/h2_client.h"

namespace postern::proxy {
namespace {

using metrics::HealthResult;
using test::HealthServer;

std::string message(std::string_view bytes) {
  return std::string("\0\0\0\0", 4) + static_cast<char>(bytes.size()) + std::string(bytes);
}
const std::string kServing = message("\x08\x01");

class HealthProbe : public testing::Test {
 protected:
  explicit HealthProbe(std::string service = "") {
    upstream::ClusterSpec spec;
    spec.name = "u";
    spec.protocol = config::UpstreamProtocol::h2;
    spec.health = upstream::HealthSpec{};
    spec.health->service = std::move(service);
    spec.health->timeout_ms = 200;
    cluster_ = std::make_unique<upstream::Cluster>(
        loop_, spec, test::shared_upstream({{"localhost:7", server_.address()}}), nullptr, row_);
    probe_ = std::make_unique<GrpcHealthProbe>(loop_, *cluster_, *cluster_->endpoints()[0]);
    server_.answer.body = kServing;
  }
  ~HealthProbe() override {
    probe_.reset();
    test::settle(loop_);
  }
  HealthResult check() {
    test::Running<HealthResult> running(loop_, probe_->run());
    EXPECT_TRUE(finish(running));
    return running.get();
  }
  bool finish(test::Running<HealthResult>& running) {
    return test::drive(loop_, [&] {
      server_.step();
      return running.done();
    });
  }

  net::Loop loop_;
  metrics::UpstreamRow row_{};
  HealthServer server_;
  std::unique_ptr<upstream::Cluster> cluster_;
  std::unique_ptr<GrpcHealthProbe> probe_;
};

class NamedHealthProbe : public HealthProbe {
 protected:
  NamedHealthProbe() : HealthProbe("model") {}
};

TEST_F(NamedHealthProbe, AsksForItsService) {
  EXPECT_EQ(check(), HealthResult::serving);
  EXPECT_EQ(server_.fields[":method"], "POST");
  EXPECT_EQ(server_.fields[":path"], "/grpc.health.v1.Health/Check");
  EXPECT_EQ(server_.fields[":authority"], "localhost:7");
  EXPECT_EQ(server_.fields["content-type"], "application/grpc");
  EXPECT_EQ(server_.fields["te"], "trailers");
  EXPECT_EQ(server_.fields["grpc-timeout"], "200m");
  EXPECT_EQ(server_.body, message("\x0a\x05model"));
}

TEST_F(HealthProbe, KnowsAnswers) {
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
           Row{{.silent = true}, HealthResult::timeout},
           Row{{.drop = true}, HealthResult::failed},
           Row{{.body = kServing}, HealthResult::serving},
       }) {
    SCOPED_TRACE(row.answer.status + " " + row.answer.grpc_status + " " + row.answer.body);
    server_.answer = row.answer;
    EXPECT_EQ(check(), row.result);
  }
}

TEST_F(HealthProbe, KeepsItsConnection) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(check(), HealthResult::serving);
  EXPECT_EQ(server_.connections, 1);
  EXPECT_EQ(row_.open.get(), 0u);  // the traffic's are counted apart
}

TEST_F(HealthProbe, TakesAFreshConnectionBehindSilence) {
  server_.answer.silent = true;
  EXPECT_EQ(check(), HealthResult::timeout);
  EXPECT_EQ(check(), HealthResult::timeout);
  server_.answer.silent = false;
  EXPECT_EQ(check(), HealthResult::serving);
  EXPECT_EQ(server_.connections, 3);
}

TEST_F(HealthProbe, DoesNotBlameTheServerForClosingWhatRested) {
  EXPECT_EQ(check(), HealthResult::serving);
  server_.close_connections();  // not seen here before the next question
  EXPECT_EQ(check(), HealthResult::serving);
  server_.close_connections();
  test::settle(loop_);
  EXPECT_EQ(check(), HealthResult::serving);
}

TEST_F(HealthProbe, SeesThatNobodyListens) {
  EXPECT_EQ(check(), HealthResult::serving);
  server_.close_connections();
  server_.close_listener();
  EXPECT_EQ(check(), HealthResult::unreachable);
  EXPECT_EQ(check(), HealthResult::unreachable);
}

TEST_F(HealthProbe, EndsWhenCancelled) {
  server_.answer.silent = true;
  test::Running<HealthResult> running(loop_, probe_->run());
  ASSERT_TRUE(test::drive(loop_, [&] {
    server_.step();
    return server_.checks == 1;
  }));
  probe_->cancel();
  test::settle(loop_);  // no clock is involved
  EXPECT_TRUE(running.done());
}

TEST_F(HealthProbe, DoesNotAskWhenCancelledBeforeItIsConnected) {
  test::Running<HealthResult> running(loop_, probe_->run());
  EXPECT_FALSE(running.done());
  probe_->cancel();
  EXPECT_TRUE(running.finish());  // nobody answers
  server_.step();
  server_.step();
  EXPECT_EQ(server_.checks, 0);
}

}  // namespace
}  // namespace postern::proxy
