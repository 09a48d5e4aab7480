// Checks go on at intervals until they are stopped, change what the cluster picks, and end with their owner.
#include "proxy/health_check.h"

#include <gtest/gtest.h>

#include "net/tls_client_context.h"
#include "unit/proxy/health_server.h"
#include "unit/upstream/clusters.h"
#include "wire/h2_client.h"

namespace postern::proxy {
namespace {

using test::HealthServer;

class HealthChecking : public testing::Test {
 protected:
  HealthChecking() : tasks_(loop_.frames()) {
    for (HealthServer& server : servers_) server.answer.body = std::string("\0\0\0\0\2\x08\1", 7);
    upstream::ClusterSpec spec;
    spec.name = "u";
    spec.protocol = config::UpstreamProtocol::h2;
    spec.health = upstream::HealthSpec{};
    spec.health->interval_ms = 20;
    spec.health->timeout_ms = 200;
    cluster_ = std::make_shared<upstream::Cluster>(
        loop_, spec, test::shared_upstream({{"a:1", servers_[0].address()}, {"b:1", servers_[1].address()}}), nullptr,
        row_);
    checks_ = std::make_unique<HealthChecks>(loop_, cluster_, tasks_);
  }
  ~HealthChecking() override {
    checks_.reset();
    EXPECT_TRUE(drive([&] { return tasks_.running() == 0; }));
    EXPECT_EQ(cluster_.use_count(), 1);
    cluster_.reset();
    test::settle(loop_);
    EXPECT_EQ(row_.unhealthy.get(), 0u);
  }
  template <class Condition>
  bool drive(Condition condition) {
    return test::drive(loop_, [&] {
      for (HealthServer& server : servers_) server.step();
      return condition();
    });
  }

  net::Loop loop_;
  metrics::UpstreamRow row_{};
  HealthServer servers_[2];
  TaskGroup tasks_;
  std::shared_ptr<upstream::Cluster> cluster_;
  std::unique_ptr<HealthChecks> checks_;
};

TEST_F(HealthChecking, TakesAnEndpointOutAndBackIn) {
  ASSERT_TRUE(drive([&] { return servers_[0].checks > 2 && servers_[1].checks > 2; }));
  EXPECT_EQ(cluster_->unhealthy(), 0u);
  servers_[0].answer.body.back() = 2;
  ASSERT_TRUE(drive([&] { return cluster_->unhealthy() == 1; }));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(cluster_->pick({})->name(), "b:1");
  servers_[0].answer.body.back() = 1;
  ASSERT_TRUE(drive([&] { return cluster_->unhealthy() == 0; }));
  EXPECT_NE(cluster_->pick({})->name(), cluster_->pick({})->name());
}

TEST_F(HealthChecking, CountsFailuresInARow) {
  ASSERT_TRUE(drive([&] { return servers_[0].checks > 0; }));
  servers_[0].answer = {.grpc_status = "12"};
  const auto failures = [&] {
    return row_.checks[static_cast<std::size_t>(metrics::HealthResult::unimplemented)].get();
  };
  ASSERT_TRUE(drive([&] { return failures() == 2; }));
  EXPECT_EQ(cluster_->unhealthy(), 0u);
  ASSERT_TRUE(drive([&] { return failures() == 3; }));
  EXPECT_EQ(cluster_->unhealthy(), 1u);
}

TEST_F(HealthChecking, EndsWhileItWaitsForAnAnswer) {
  servers_[0].answer.silent = true;
  ASSERT_TRUE(drive([&] { return servers_[0].checks == 1; }));
  checks_.reset();
  test::settle(loop_);  // at once: no clock is involved
  EXPECT_EQ(tasks_.running(), 0u);
  EXPECT_EQ(row_.checks[static_cast<std::size_t>(metrics::HealthResult::timeout)].get(), 0u);
}

TEST_F(HealthChecking, ForgetsWhatItFoundWhenItEnds) {
  servers_[0].answer.body.back() = 2;
  ASSERT_TRUE(drive([&] { return cluster_->unhealthy() == 1; }));
  checks_.reset();
  EXPECT_EQ(cluster_->unhealthy(), 0u);
}

}  // namespace
}  // namespace postern::proxy
