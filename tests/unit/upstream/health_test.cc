// When results in a row change what an endpoint is taken for, and what picking makes of it.
#include "upstream/health.h"

#include <gtest/gtest.h>

#include "net/tls_client_context.h"
#include "upstream/cluster.h"

namespace postern::upstream {
namespace {

using metrics::HealthResult;

/// '+' passed, '-' failed; the answer has 'H' or 'u' behind each.
std::string after(EndpointHealth health, std::string_view results) {
  std::string states;
  for (const char result : results) {
    const bool before = health.is_healthy();
    const bool changed = health.record(result == '+');
    EXPECT_EQ(changed, before != health.is_healthy());
    states += health.is_healthy() ? 'H' : 'u';
  }
  return states;
}

TEST(EndpointHealth, ChangesBehindEnoughInARow) {
  EXPECT_TRUE(EndpointHealth().is_healthy());
  EXPECT_EQ(after(EndpointHealth({3, 2}), "---++"), "HHuuH");
  EXPECT_EQ(after(EndpointHealth({3, 2}), "--+--+---"), "HHHHHHHHu");
  EXPECT_EQ(after(EndpointHealth({3, 2}), "---+-+-++"), "HHuuuuuuH");
  EXPECT_EQ(after(EndpointHealth({1, 1}), "-+-+"), "uHuH");
  EXPECT_EQ(after(EndpointHealth({3, 2}), "---++--"), "HHuuHHH");
}

TEST(EndpointHealth, ForgetsOnReset) {
  EndpointHealth health({2, 2});
  health.record(false);
  health.reset();
  health.record(false);
  EXPECT_TRUE(health.is_healthy());
  health.record(false);
  EXPECT_FALSE(health.is_healthy());
  health.reset();
  EXPECT_TRUE(health.is_healthy());
}

class ClusterHealth : public testing::Test {
 protected:
  static ClusterSpec spec(int endpoints) {
    ClusterSpec out;
    out.name = "u";
    out.health = HealthSpec{};
    out.health->thresholds = {1, 1};
    for (int i = 1; i <= endpoints; ++i)
      out.endpoints.push_back(
          {"127.0.0.1:" + std::to_string(i), *net::ip_address("127.0.0.1", static_cast<std::uint16_t>(i))});
    return out;
  }
  static std::string picks(Cluster& cluster, int count) {
    std::string order;
    for (int i = 0; i < count; ++i) order += cluster.pick()->name().back();
    return order;
  }
  net::Loop loop_;
  metrics::UpstreamRow row_{};
};

TEST_F(ClusterHealth, PicksAmongTheHealthy) {
  Cluster cluster(loop_, spec(3), nullptr, row_);
  Endpoint& second = *cluster.endpoints()[1];
  EXPECT_FALSE(cluster.record_check(second, HealthResult::serving));
  EXPECT_TRUE(cluster.record_check(second, HealthResult::not_serving));
  EXPECT_FALSE(cluster.record_check(second, HealthResult::timeout));
  EXPECT_EQ(picks(cluster, 6), "131313");
  EXPECT_EQ(row_.unhealthy.get(), 1u);
  EXPECT_EQ(row_.checks[static_cast<std::size_t>(HealthResult::timeout)].get(), 1u);
  EXPECT_TRUE(cluster.record_check(second, HealthResult::serving));
  EXPECT_EQ(picks(cluster, 6), "123123");
  EXPECT_EQ(row_.unhealthy.get(), 0u);
  EXPECT_EQ(row_.panic_picks.get(), 0u);
}

TEST_F(ClusterHealth, PicksAmongAllWhenNoneIsHealthy) {
  Cluster cluster(loop_, spec(2), nullptr, row_);
  for (const auto& endpoint : cluster.endpoints()) cluster.record_check(*endpoint, HealthResult::unreachable);
  EXPECT_EQ(picks(cluster, 4), "1212");
  EXPECT_EQ(row_.panic_picks.get(), 4u);
  EXPECT_EQ(row_.unhealthy.get(), 2u);
  cluster.forget_checks();
  EXPECT_EQ(picks(cluster, 2), "12");
  EXPECT_EQ(row_.panic_picks.get(), 4u);
  EXPECT_EQ(row_.unhealthy.get(), 0u);
}

TEST_F(ClusterHealth, TakesItsShareOfTheGaugeWithIt) {
  {
    Cluster cluster(loop_, spec(2), nullptr, row_);
    cluster.record_check(*cluster.endpoints()[0], HealthResult::failed);
    EXPECT_EQ(row_.unhealthy.get(), 1u);
  }
  EXPECT_EQ(row_.unhealthy.get(), 0u);
}

}  // namespace
}  // namespace postern::upstream
