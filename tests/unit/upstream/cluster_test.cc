// Whose turn it is.
#include "upstream/cluster.h"

#include <gtest/gtest.h>

#include "net/tls_client_context.h"

namespace postern::upstream {
namespace {

ClusterSpec spec(int endpoints) {
  ClusterSpec out;
  out.name = "u";
  for (int i = 0; i < endpoints; ++i) {
    out.endpoints.push_back(
        {"127.0.0.1:" + std::to_string(i + 1), *net::ip_address("127.0.0.1", static_cast<std::uint16_t>(i + 1))});
  }
  return out;
}

TEST(Cluster, TakesTurns) {
  net::Loop loop;
  metrics::UpstreamRow row{};
  Cluster cluster(loop, spec(3), nullptr, row);
  std::string order;
  for (int i = 0; i < 7; ++i) order += cluster.pick()->name().back();
  EXPECT_EQ(order, "1231231");
  EXPECT_EQ(cluster.size(), 3u);
}

TEST(Cluster, SpreadsTheAgeOfConnections) {
  net::Loop loop;
  metrics::UpstreamRow row{};
  ClusterSpec aged = spec(1);
  aged.shared.max_age_ms = 10'000;
  Cluster cluster(loop, aged, nullptr, row);
  std::int64_t least = 10'000;
  std::int64_t most = 10'000;
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t age = cluster.shared_limits().max_age_ms;
    least = std::min(least, age);
    most = std::max(most, age);
  }
  EXPECT_GE(least, 9'000);
  EXPECT_LT(least, 9'500);
  EXPECT_LE(most, 11'000);
  EXPECT_GT(most, 10'500);
}

TEST(Cluster, HasNobodyToPick) {
  net::Loop loop;
  metrics::UpstreamRow row{};
  Cluster cluster(loop, spec(0), nullptr, row);
  EXPECT_EQ(cluster.pick(), nullptr);
  EXPECT_EQ(cluster.pick(), nullptr);
}

}  // namespace
}  // namespace postern::upstream
