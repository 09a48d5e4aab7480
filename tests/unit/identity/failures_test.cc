// What bad tokens may cost: the table of those just refused, and the budget of each client.
#include <gtest/gtest.h>

#include "identity/failure_budget.h"
#include "identity/negative_table.h"
#include "unit/base/count_allocations.h"

namespace postern::identity {
namespace {

constexpr HashSeed kSeed(1, 2, 3, 4);

http::Address ip(std::string_view text) { return *http::parse_ip(text); }

TEST(NegativeTable, RemembersForFiveSeconds) {
  NegativeTable table;
  const KeyedHash token = kSeed.hash("a.b.c");
  EXPECT_FALSE(table.find(token, 1000));
  table.add(token, 7, 1000);
  EXPECT_EQ(table.find(token, 5999), 7);
  EXPECT_FALSE(table.find(token, 6000));
  EXPECT_FALSE(table.find(token, 500));
}

// T85
TEST(NegativeTable, AForgedTwinDoesNotSpoilTheGoodToken) {
  NegativeTable table;
  table.add(kSeed.hash("head.payload.forged"), 1, 1000);
  EXPECT_FALSE(table.find(kSeed.hash("head.payload.good00"), 1000));
}

TEST(NegativeTable, IsEmptyAfterAChangeOfKeys) {
  NegativeTable table;
  table.add(kSeed.hash("a.b.c"), 1, 1000);
  table.clear();
  EXPECT_FALSE(table.find(kSeed.hash("a.b.c"), 1000));
}

TEST(NegativeTable, AFloodReplacesTheOldest) {
  NegativeTable table;
  for (int i = 0; i < 100'000; ++i) table.add(kSeed.hash(std::to_string(i)), 1, 1000 + i / 1000);
  EXPECT_TRUE(table.find(kSeed.hash("99999"), 1100));
  EXPECT_FALSE(table.find(kSeed.hash("5"), 1100));
}

TEST(KeyedHash, TellsTextsApart) {
  EXPECT_EQ(kSeed.hash("token"), kSeed.hash("token"));
  EXPECT_NE(kSeed.hash("token"), HashSeed(1, 2, 3, 5).hash("token"));
  EXPECT_NE(kSeed.hash("token"), HashSeed::random().hash("token"));
  EXPECT_NE(kSeed.hash("token", 1), kSeed.hash("token", 2));
  // Zeros at the end are bytes, too.
  std::string zeros;
  std::vector<KeyedHash> seen;
  for (int i = 0; i < 200; ++i, zeros += '\0') {
    const KeyedHash hash = kSeed.hash(zeros);
    for (const KeyedHash& other : seen) {
      ASSERT_NE(hash.low, other.low);
      ASSERT_NE(hash.high, other.high);
    }
    seen.push_back(hash);
  }
}

TEST(KeyedHash, EveryBitCountsInBothHalves) {
  const std::string text(150, 'x');
  const KeyedHash hash = kSeed.hash(text);
  for (std::size_t i = 0; i < 8 * text.size(); ++i) {
    std::string other = text;
    other[i / 8] = static_cast<char>(other[i / 8] ^ (1 << (i % 8)));
    ASSERT_NE(kSeed.hash(other).low, hash.low) << i;
    ASSERT_NE(kSeed.hash(other).high, hash.high) << i;
  }
}

TEST(FailureBudget, EachClientHasItsOwn) {
  FailureBudget budget(kSeed, 50);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(budget.may_check(ip("192.0.2.1"), 1000)) << i;
    budget.failed(ip("192.0.2.1"), 1000);
  }
  EXPECT_FALSE(budget.may_check(ip("192.0.2.1"), 1000));
  EXPECT_TRUE(budget.may_check(ip("192.0.2.2"), 1000));
  EXPECT_FALSE(budget.may_check(ip("192.0.2.1"), 1019));
  EXPECT_TRUE(budget.may_check(ip("192.0.2.1"), 1020));  // 50 a second: one each 20 ms
  EXPECT_TRUE(budget.may_check(ip("192.0.2.1"), 2000));
}

TEST(FailureBudget, GoodTokensCostNothing) {
  FailureBudget budget(kSeed, 1);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(budget.may_check(ip("192.0.2.1"), 1000));
}

TEST(FailureBudget, AnIpv6ClientIsItsNetwork) {
  FailureBudget budget(kSeed, 2);
  budget.failed(ip("2001:db8:0:1::1"), 1000);
  budget.failed(ip("2001:db8:0:1::2"), 1000);
  EXPECT_FALSE(budget.may_check(ip("2001:db8:0:1:ffff::9"), 1000));
  EXPECT_TRUE(budget.may_check(ip("2001:db8:0:2::1"), 1000));
  budget.failed(ip("192.0.2.1"), 1000);
  budget.failed(ip("::ffff:192.0.2.1"), 1000);
  EXPECT_FALSE(budget.may_check(ip("192.0.2.1"), 1000));
}

TEST(FailureBudget, NobodyStartsAnewByCrowdingHimselfOut) {
  FailureBudget budget(kSeed, 10, 64);
  std::size_t checked = 0;
  for (int i = 0; i < 20'000; ++i) {
    const http::Address client = ip("10.0." + std::to_string(i / 200 % 100) + "." + std::to_string(i % 200));
    if (!budget.may_check(client, 1000)) continue;
    ++checked;
    budget.failed(client, 1000);
  }
  EXPECT_LE(checked, 64u * 10 + 8 * 10);
  EXPECT_GT(budget.counters().crowded, 0u);
  EXPECT_GT(budget.counters().refused, 0u);
}

TEST(FailureBudget, ClientsOfUnixSocketsShareOne) {
  FailureBudget budget(kSeed, 1);
  budget.failed(http::Address{}, 1000);
  EXPECT_FALSE(budget.may_check(http::Address{}, 1000));
}

TEST(FailureBudget, AllocatesNothing) {
  FailureBudget budget(kSeed, 10);
  NegativeTable table;
  const http::Address client = ip("2001:db8::1");
  test::start_counting_allocations();
  for (int i = 0; i < 100; ++i) {
    if (budget.may_check(client, 1000)) budget.failed(client, 1000);
    table.add(kSeed.hash("x"), 1, 1000);
    (void)table.find(kSeed.hash("x"), 1000);
  }
  EXPECT_EQ(test::stop_counting_allocations(), 0u);
}

}  // namespace
}  // namespace postern::identity
