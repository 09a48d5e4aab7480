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

TEST(Cluster, HasNobodyToPick) {
  net::Loop loop;
  metrics::UpstreamRow row{};
  Cluster cluster(loop, spec(0), nullptr, row);
  EXPECT_EQ(cluster.pick(), nullptr);
  EXPECT_EQ(cluster.pick(), nullptr);
}

}  // namespace
}  // namespace postern::upstream
