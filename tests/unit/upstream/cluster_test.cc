// Whose turn it is, and what becomes of endpoints and levels as set and health change.
#include "upstream/cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <thread>

#include "net/tls_client_context.h"
#include "unit/upstream/clusters.h"

namespace postern::upstream {
namespace {

using test::endpoint_at;
using test::endpoints_at;
using test::shared_upstream;

class ClusterTest : public testing::Test {
 protected:
  Cluster& make(std::vector<EndpointSpec> endpoints, ClusterSpec spec = {}) {
    spec.name = "u";
    shared_ = shared_upstream(std::move(endpoints));
    cluster_ = std::make_unique<Cluster>(loop_, std::move(spec), shared_, nullptr, row_);
    return *cluster_;
  }
  std::string picks(int count) {
    std::string order;
    for (int i = 0; i < count; ++i) order += pick();
    return order;
  }
  char pick(const PickRequest& request = {}) {
    const EndpointPin endpoint = cluster_->pick(request);
    return endpoint ? endpoint->name().back() : '-';
  }
  /// How many of 1000 went where.
  std::map<char, int> spread() {
    std::map<char, int> out;
    for (int i = 0; i < 1000; ++i) ++out[pick()];
    return out;
  }
  void take_out(std::size_t endpoint, OutReason why = OutReason::ejected) {
    if (shared_->endpoints()->members[endpoint].state->take_out(why)) shared_->changed();
  }
  void put_back(std::size_t endpoint, OutReason why = OutReason::ejected) {
    if (shared_->endpoints()->members[endpoint].state->put_back(why)) shared_->changed();
  }

  net::Loop loop_;
  metrics::UpstreamRow row_{};
  std::shared_ptr<SharedUpstream> shared_;
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(ClusterTest, TakesTurnsWithoutABalancer) {
  make(endpoints_at(1, 3));
  EXPECT_EQ(picks(7), "1231231");
  EXPECT_EQ(cluster_->size(), 3u);
}

TEST_F(ClusterTest, SpreadsTheAgeOfConnections) {
  ClusterSpec aged;
  aged.shared.max_age_ms = 10'000;
  make(endpoints_at(1, 1), aged);
  std::int64_t least = 10'000;
  std::int64_t most = 10'000;
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t age = cluster_->shared_limits().max_age_ms;
    least = std::min(least, age);
    most = std::max(most, age);
  }
  EXPECT_GE(least, 9'000);
  EXPECT_LT(least, 9'500);
  EXPECT_LE(most, 11'000);
  EXPECT_GT(most, 10'500);
}

TEST_F(ClusterTest, HasNobodyToPick) {
  make({});
  EXPECT_EQ(picks(2), "--");
  make({endpoint_at(1, 0)});
  EXPECT_EQ(picks(2), "--");
}

TEST_F(ClusterTest, LeavesOutWhatIsOut) {
  make(endpoints_at(1, 4));
  take_out(1);
  take_out(1, OutReason::unhealthy);
  EXPECT_EQ(picks(6), "134134");
  put_back(1);
  EXPECT_EQ(picks(3), "134");
  put_back(1, OutReason::unhealthy);
  EXPECT_EQ(picks(4), "1234");
  EXPECT_EQ(row_.panic_picks.get(), 0u);
}

TEST_F(ClusterTest, UsesAllWhenTooFewAreLeft) {
  make(endpoints_at(1, 4));
  take_out(0);
  take_out(1);
  EXPECT_EQ(picks(4), "3434");  // half: not yet
  take_out(2);
  EXPECT_EQ(picks(4), "1234");
  EXPECT_EQ(row_.panic_picks.get(), 3u);
  // What may be used comes first when it is a second try.
  const std::array tried{cluster_->endpoints()[0]->id()};
  EXPECT_EQ(pick({.tried = tried}), '4');
}

TEST_F(ClusterTest, NeverPanicsWhereThatIsForbidden) {
  ClusterSpec calm;
  calm.panic_threshold = 0;
  make(endpoints_at(1, 3), calm);
  take_out(0);
  take_out(1);
  EXPECT_EQ(picks(2), "33");
  take_out(2);
  EXPECT_EQ(picks(2), "--");
}

TEST_F(ClusterTest, TriesAnother) {
  make(endpoints_at(1, 3));
  std::vector<std::uint64_t> tried;
  std::string order;
  for (int i = 0; i < 3; ++i) {
    const EndpointPin next = cluster_->pick({.tried = tried});
    tried.push_back(next->id());
    order += next->name().back();
  }
  std::ranges::sort(order);
  EXPECT_EQ(order, "123");
  EXPECT_NE(pick({.tried = tried}), '-');  // all were: one of them again
}

TEST_F(ClusterTest, KeepsTheSameEndpointObjectsWhileTheyStay) {
  make(endpoints_at(1, 3));
  const Endpoint* const second = cluster_->endpoints()[1].get();
  shared_->assign(endpoints_at(2, 4));
  EXPECT_EQ(picks(3), "234");
  EXPECT_EQ(cluster_->endpoints()[0].get(), second);
  EXPECT_EQ(cluster_->size(), 3u);
}

TEST_F(ClusterTest, ServesARequestOfAnEndpointThatLeft) {
  make(endpoints_at(1, 1));
  EndpointPin gone = cluster_->pick({});
  InFlight request = Cluster::begin(*gone);
  shared_->assign(endpoints_at(2, 2));
  EXPECT_EQ(picks(2), "22");
  EXPECT_EQ(gone->name(), "127.0.0.1:1");
  EXPECT_EQ(gone->candidate().in_flight, 1u);
  cluster_.reset();
  request.end();
  EXPECT_EQ(gone->candidate().in_flight, 0u);
}

TEST_F(ClusterTest, CountsRequestsInFlight) {
  make(endpoints_at(1, 1));
  Endpoint& endpoint = *cluster_->endpoints()[0];
  {
    InFlight first = Cluster::begin(endpoint);
    InFlight moved = std::move(first);
    const InFlight second = Cluster::begin(endpoint);
    EXPECT_EQ(endpoint.candidate().in_flight, 2u);
    moved = InFlight();
    EXPECT_EQ(endpoint.candidate().in_flight, 1u);
  }
  EXPECT_EQ(endpoint.candidate().in_flight, 0u);
}

TEST_F(ClusterTest, RemembersPeaksAndForgetsThemSlowly) {
  make(endpoints_at(1, 1));
  Endpoint& endpoint = *cluster_->endpoints()[0];
  const Nanoseconds ms = 1'000'000;
  Nanoseconds now = 1'000'000 * ms;
  const auto report = [&](TryOutcome outcome, Nanoseconds took) { cluster_->report(endpoint, outcome, now, took); };
  report(TryOutcome::ok, 10 * ms);
  EXPECT_DOUBLE_EQ(endpoint.candidate().latency_ns, 10e6);
  report(TryOutcome::ok, 100 * ms);
  EXPECT_DOUBLE_EQ(endpoint.candidate().latency_ns, 100e6);
  now += 1000 * ms;
  report(TryOutcome::ok, 10 * ms);
  EXPECT_NEAR(endpoint.candidate().latency_ns, 91e6, 1e6);
  now += 10'000 * ms;
  report(TryOutcome::ok, 10 * ms);
  EXPECT_NEAR(endpoint.candidate().latency_ns, 40e6, 2e6);
  const double before = endpoint.candidate().latency_ns;
  report(TryOutcome::cancelled, 1);
  EXPECT_DOUBLE_EQ(endpoint.candidate().latency_ns, before);
  report(TryOutcome::cancelled, 2'000 * ms);  // the client would not wait any longer: at least that
  EXPECT_DOUBLE_EQ(endpoint.candidate().latency_ns, 2e9);
  endpoint.candidate().latency_ns = before;
  report(TryOutcome::connect_failed, 1);  // in no time, and yet no reason to go there
  EXPECT_DOUBLE_EQ(endpoint.candidate().latency_ns, 4 * before);
  report(TryOutcome::error_status, 1);
  EXPECT_DOUBLE_EQ(endpoint.candidate().latency_ns, 8 * before);
}

TEST_F(ClusterTest, ForgetsHowSlowItWasBeforeItWasOut) {
  make(endpoints_at(1, 2));
  Endpoint& endpoint = *cluster_->endpoints()[0];
  cluster_->report(endpoint, TryOutcome::timeout, now_ns(), 5'000'000'000);
  take_out(0);
  pick();
  EXPECT_GT(endpoint.candidate().latency_ns, 0);
  shared_->endpoints()->members[0].state->set_usable_since_ms(now_ns() / 1'000'000 + 1);
  put_back(0);
  pick();
  EXPECT_EQ(endpoint.candidate().latency_ns, 0);
}

TEST_F(ClusterTest, SticksToAnEndpointThatMayBeUsed) {
  make(endpoints_at(1, 4));
  const std::uint64_t third = cluster_->endpoints()[2]->id();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(pick({.sticky = third}), '3');
  EXPECT_NE(pick({.sticky = third, .tried = {&third, 1}}), '3');
  EXPECT_NE(pick({.sticky = 12345}), '-');
  take_out(2);
  for (int i = 0; i < 5; ++i) EXPECT_NE(pick({.sticky = third}), '3');
}

TEST_F(ClusterTest, ServesTheFirstPriorityAndSpillsOver) {
  make({endpoint_at(1), endpoint_at(2), endpoint_at(3, 1, 1), endpoint_at(4, 1, 1)});
  EXPECT_EQ(picks(4), "1212");
  take_out(0);  // half of it left: 70 % of the requests
  std::map<char, int> to = spread();
  EXPECT_EQ(to['1'], 0);
  EXPECT_NEAR(to['2'], 700, 60);
  EXPECT_NEAR(to['3'] + to['4'], 300, 60);
  take_out(1);
  to = spread();
  EXPECT_EQ(to['3'] + to['4'], 1000);
  EXPECT_EQ(row_.panic_picks.get(), 0u);
  take_out(2);
  take_out(3);  // nobody is left: the first level
  to = spread();
  EXPECT_EQ(to['1'] + to['2'], 1000);
  EXPECT_EQ(row_.panic_picks.get(), 1000u);
}

TEST_F(ClusterTest, PrefersItsOwnZone) {
  ClusterSpec here;
  here.zone = "b";
  make({endpoint_at(1, 1, 0, "a"), endpoint_at(2, 1, 0, "b"), endpoint_at(3, 1, 1, "b")}, here);
  EXPECT_EQ(picks(3), "222");
  take_out(1);
  EXPECT_EQ(picks(3), "111");  // another zone before a lower priority
  take_out(0);
  EXPECT_EQ(picks(3), "333");
}

TEST_F(ClusterTest, StartsSlowly) {
  ClusterSpec slow;
  slow.slow_start_ms = 10'000;
  make({endpoint_at(1, 100)}, slow);
  EXPECT_DOUBLE_EQ(cluster_->endpoints()[0]->candidate().weight, 100);  // there from the start
  shared_->assign({endpoint_at(1, 100), endpoint_at(2, 100)});
  const std::int64_t since = shared_->endpoints()->members[1].state->usable_since_ms();
  ASSERT_NE(since, 0);
  const auto weight_at = [&](std::int64_t ms) {
    pick({.now = (since + ms) * 1'000'000});
    return cluster_->endpoints()[1]->candidate().weight;
  };
  EXPECT_NEAR(weight_at(0), 10, 0.5);
  EXPECT_NEAR(weight_at(5'000), 55, 0.5);
  EXPECT_NEAR(weight_at(9'900), 99, 0.5);
  EXPECT_DOUBLE_EQ(weight_at(10'100), 100);
  EXPECT_DOUBLE_EQ(cluster_->endpoints()[0]->candidate().weight, 100);
}

TEST_F(ClusterTest, TellsAddressesOfOneNameApart) {
  const auto at = [](std::uint16_t port) { return EndpointSpec{"model:80", *net::ip_address("127.0.0.1", port)}; };
  make({at(1)});
  const std::uint64_t alone = cluster_->endpoints()[0]->id();
  make({at(2)});
  EXPECT_EQ(cluster_->endpoints()[0]->id(), alone);  // the name is what counts
  make({at(1), at(2)});
  EXPECT_NE(cluster_->endpoints()[0]->id(), cluster_->endpoints()[1]->id());
  make({at(1), at(1)});  // twice the same: one
  EXPECT_EQ(cluster_->size(), 1u);
  EXPECT_DOUBLE_EQ(cluster_->endpoints()[0]->candidate().weight, 2);
}

TEST_F(ClusterTest, EjectsWhatFailsInARow) {
  make(endpoints_at(1, 3));
  const EndpointPin second = cluster_->endpoints()[1];
  for (int i = 0; i < 5; ++i) cluster_->report(*second, TryOutcome::error_status, 1'000'000'000, 1'000);
  EXPECT_EQ(picks(4), "1313");
  EXPECT_EQ(row_.ejections[0].get(), 1u);
}

TEST_F(ClusterTest, FollowsWhatOtherThreadsChange) {
  make(endpoints_at(1, 4));
  std::thread writer([shared = shared_] {
    for (int i = 0; i < 500; ++i) {
      shared->assign(endpoints_at(1 + i % 3, 4 + i % 3));
      const auto set = shared->endpoints();
      if (set->members[0].state->take_out(OutReason::ejected)) shared->changed();
      if (set->members[0].state->put_back(OutReason::ejected)) shared->changed();
    }
    shared->assign(endpoints_at(7, 8));
  });
  EndpointPin kept;  // of any set there was
  for (int i = 0; i < 20'000; ++i) {
    const EndpointPin endpoint = cluster_->pick({});
    ASSERT_TRUE(endpoint);
    if (i % 100 == 0) kept = endpoint;
  }
  writer.join();
  std::string both = picks(4);
  std::sort(both.begin(), both.end());  // whose turn it is depends on how often the set has changed
  EXPECT_EQ(both, "7788");
  EXPECT_FALSE(kept->name().empty());
}

}  // namespace
}  // namespace postern::upstream
