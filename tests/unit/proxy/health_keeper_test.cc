// Checks go on at intervals, change what all cores see, follow the endpoints, and end with their keeper.
#include "proxy/health_keeper.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "net/tls_client_context.h"
#include "unit/proxy/health_server.h"

namespace postern::proxy {
namespace {

using metrics::HealthResult;
using test::HealthServer;
using upstream::OutReason;

class HealthKeeping : public testing::Test {
 protected:
  HealthKeeping() : tasks_(loop_.frames()), keepers_(loop_, tasks_) {
    for (HealthServer& server : servers_) server.answer.body = std::string("\0\0\0\0\2\x08\1", 7);
    duty_.upstream = std::make_shared<upstream::SharedUpstream>("u");
    duty_.upstream->assign({spec(0), spec(1)});
    set_ = duty_.upstream->endpoints();
    duty_.health = upstream::HealthSpec{};
    duty_.health->interval_ms = 20;
    duty_.health->timeout_ms = 200;
    duty_.protocol = config::UpstreamProtocol::h2;
    duty_.metrics = &row_;
  }
  ~HealthKeeping() override {
    keepers_.stop();
    EXPECT_TRUE(drive([&] { return tasks_.running() == 0; }));
    test::settle(loop_);
    EXPECT_EQ(row_.unhealthy.get(), 0u);
  }
  upstream::EndpointSpec spec(std::size_t i) {
    return {.name = std::string(1, static_cast<char>('a' + i)) + ":1", .address = servers_[i].address(), .zone = {}};
  }
  void keep() { keepers_.assign({duty_}); }
  bool is_out(std::size_t i) { return set_->members[i].state->is_out(OutReason::unhealthy); }
  template <class Condition>
  bool drive(Condition condition) {
    return test::drive(loop_, [&] {
      for (HealthServer& server : servers_) server.step();
      return condition();
    });
  }
  std::uint64_t count(HealthResult result) { return row_.checks[static_cast<std::size_t>(result)].get(); }

  net::Loop loop_;
  metrics::UpstreamRow row_{};
  HealthServer servers_[2];
  HealthDuty duty_;
  std::shared_ptr<const upstream::EndpointSet> set_;
  TaskGroup tasks_;
  HealthKeepers keepers_;
};

TEST_F(HealthKeeping, TakesAnEndpointOutAndBackIn) {
  keep();
  ASSERT_TRUE(drive([&] { return servers_[0].checks > 2 && servers_[1].checks > 2; }));
  EXPECT_FALSE(is_out(0));
  const std::uint64_t epoch = duty_.upstream->epoch();
  servers_[0].answer.body.back() = 2;
  ASSERT_TRUE(drive([&] { return is_out(0); }));
  EXPECT_NE(duty_.upstream->epoch(), epoch);
  EXPECT_EQ(row_.unhealthy.get(), 1u);
  EXPECT_FALSE(is_out(1));
  servers_[0].answer.body.back() = 1;
  ASSERT_TRUE(drive([&] { return !is_out(0); }));
  EXPECT_GT(set_->members[0].state->usable_since_ms(), 0);  // it starts slowly
  EXPECT_EQ(row_.unhealthy.get(), 0u);
}

TEST_F(HealthKeeping, CountsFailuresInARow) {
  keep();
  ASSERT_TRUE(drive([&] { return servers_[0].checks > 0; }));
  servers_[0].answer = {.grpc_status = "12"};
  ASSERT_TRUE(drive([&] { return count(HealthResult::unimplemented) == 2; }));
  EXPECT_FALSE(is_out(0));
  ASSERT_TRUE(drive([&] { return count(HealthResult::unimplemented) == 3; }));
  EXPECT_TRUE(is_out(0));
}

TEST_F(HealthKeeping, NoAnswerInTimeIsAFailure) {
  duty_.health->timeout_ms = 150;
  keep();
  servers_[0].answer.silent = true;
  ASSERT_TRUE(drive([&] { return is_out(0); }));
  EXPECT_GE(count(HealthResult::timeout), 3u);
  servers_[0].answer.silent = false;
  ASSERT_TRUE(drive([&] { return !is_out(0); }));
}

TEST_F(HealthKeeping, LooksSoonerWhileSomethingIsWrong) {
  duty_.health->interval_ms = 100'000;
  duty_.health->fast_interval_ms = 10;
  servers_[1].answer.body.back() = 2;
  keep();
  ASSERT_TRUE(drive([&] { return is_out(1) && servers_[1].checks > 6; }));  // three failures, and on at that pace
  EXPECT_EQ(servers_[0].checks, 1);
  servers_[1].answer.body.back() = 1;
  ASSERT_TRUE(drive([&] { return !is_out(1); }));
  const int checks = servers_[1].checks;
  EXPECT_FALSE(test::drive(
      loop_, [&] { return servers_[1].step(), servers_[1].checks != checks; }, 100));
}

TEST_F(HealthKeeping, FollowsTheEndpoints) {
  duty_.upstream->assign({spec(0)});
  keep();
  ASSERT_TRUE(drive([&] { return servers_[0].checks > 0; }));
  EXPECT_EQ(servers_[1].checks, 0);
  duty_.upstream->assign({spec(1), spec(0)});
  ASSERT_TRUE(drive([&] { return servers_[1].checks > 0; }));
  duty_.upstream->assign({spec(1)});
  keepers_.assign({duty_});  // sweeps at once
  test::settle(loop_);
  const int checks = servers_[0].checks;
  ASSERT_TRUE(drive([&] { return servers_[1].checks > 6; }));
  EXPECT_LE(servers_[0].checks, checks + 1);  // one may have been on its way
  EXPECT_EQ(tasks_.running(), 2u);            // the keepers' own, and one check
}

TEST_F(HealthKeeping, AChangedConfigForgetsNothing) {
  keep();
  servers_[0].answer.body.back() = 2;
  ASSERT_TRUE(drive([&] { return is_out(0); }));
  duty_.health->interval_ms = 25;
  keep();
  EXPECT_TRUE(is_out(0));
  EXPECT_EQ(row_.unhealthy.get(), 1u);
  servers_[0].answer.body.back() = 1;
  ASSERT_TRUE(drive([&] { return !is_out(0); }));
}

TEST_F(HealthKeeping, WithoutChecksAllAreHealthy) {
  keep();
  servers_[0].answer.body.back() = 2;
  ASSERT_TRUE(drive([&] { return is_out(0); }));
  duty_.health.reset();
  const std::uint64_t epoch = duty_.upstream->epoch();
  keep();
  EXPECT_FALSE(is_out(0));
  EXPECT_NE(duty_.upstream->epoch(), epoch);
}

TEST_F(HealthKeeping, EndsWhileItWaitsForAnAnswer) {
  keep();
  servers_[0].answer.silent = true;
  ASSERT_TRUE(drive([&] { return servers_[0].checks == 1; }));
  keepers_.stop();
  test::settle(loop_);  // at once: no clock is involved
  EXPECT_EQ(tasks_.running(), 0u);
  EXPECT_EQ(count(HealthResult::timeout), 0u);
}

TEST_F(HealthKeeping, PutsEjectedEndpointsBack) {
  duty_.health.reset();
  duty_.ejection.base_ms = 1;
  duty_.ejection.max_ms = 1;
  keep();
  ASSERT_TRUE(
      upstream::eject_for_failures(*duty_.upstream, *set_->members[0].state, duty_.ejection, coarse_now_ms(), 0));
  EXPECT_FALSE(set_->members[0].state->is_usable());
  ASSERT_TRUE(drive([&] { return set_->members[0].state->is_usable(); }));
}

TEST(HomeCore, IsOneOfThem) {
  EXPECT_EQ(home_core("u", 1), 0u);
  for (const char* name : {"a", "b", "models", ""}) {
    EXPECT_LT(home_core(name, 4), 4u);
    EXPECT_EQ(home_core(name, 4), home_core(std::string(name), 4));
  }
}

}  // namespace
}  // namespace postern::proxy
