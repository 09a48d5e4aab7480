// Connections per client address, over all threads.
#include "server/address_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace postern::server {
namespace {

http::Address ip(std::string_view text) { return *http::parse_ip(text); }

TEST(AddressTable, CountsUpToTheLimitAndDownAgain) {
  AddressTable table;
  {
    const auto first = table.take(1, ip("192.0.2.1"), 2);
    auto second = table.take(1, ip("192.0.2.1"), 2);
    EXPECT_TRUE(first);
    EXPECT_TRUE(second);
    EXPECT_FALSE(table.take(1, ip("192.0.2.1"), 2));
    EXPECT_TRUE(table.take(1, ip("192.0.2.2"), 2)) << "another client";
    EXPECT_TRUE(table.take(2, ip("192.0.2.1"), 2)) << "another listener";
    second = AddressTable::Place();
    EXPECT_TRUE(table.take(1, ip("192.0.2.1"), 2));
  }
  EXPECT_EQ(table.size(), 0u) << "who is gone leaves nothing";
}

TEST(AddressTable, TakesANetworkOf64BitsForOneClient) {
  AddressTable table;
  const auto first = table.take(1, ip("2001:db8::1"), 1);
  EXPECT_TRUE(first);
  EXPECT_FALSE(table.take(1, ip("2001:db8::ffff:2"), 1));
  EXPECT_TRUE(table.take(1, ip("2001:db8:0:1::1"), 1));
}

TEST(AddressTable, ConcurrencyNeverExceedsTheLimit) {
  constexpr std::uint32_t kMost = 3;
  AddressTable table;
  std::atomic<int> inside{0}, worst{0}, refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5'000; ++n) {
        const auto one = table.take(1, ip("192.0.2.1"), kMost), two = table.take(1, ip("192.0.2.1"), kMost);
        const int mine = (one ? 1 : 0) + (two ? 1 : 0);
        const int now = inside += mine;
        if (now > worst) worst = now;
        refused += 2 - mine;
        inside -= mine;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(worst.load(), static_cast<int>(kMost));
  EXPECT_EQ(table.size(), 0u);
}

}  // namespace
}  // namespace postern::server
