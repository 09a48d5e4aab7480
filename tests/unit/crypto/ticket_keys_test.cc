#include "crypto/ticket_keys.h"

#include <gtest/gtest.h>

namespace postern::crypto {
namespace {

using namespace std::chrono_literals;

constexpr TicketKeys::TimePoint kStart{};

TEST(TicketKeys, KeepTwoOlderOnes) {
  TicketKeys keys(1h, kStart);
  const TicketKey first = keys.current();
  EXPECT_FALSE(keys.rotate(kStart + 59min));
  EXPECT_TRUE(keys.find(first.name)->is_current);
  EXPECT_TRUE(keys.rotate(kStart + 60min));
  EXPECT_NE(keys.current().name, first.name);
  EXPECT_FALSE(keys.find(first.name)->is_current);
  EXPECT_EQ(keys.find(first.name)->key.aes, first.aes);
  EXPECT_TRUE(keys.rotate(kStart + 120min));
  EXPECT_TRUE(keys.find(first.name).has_value());
  EXPECT_TRUE(keys.rotate(kStart + 180min));
  EXPECT_FALSE(keys.find(first.name).has_value());
}

TEST(TicketKeys, CatchUpAfterALongSleep) {
  TicketKeys keys(1h, kStart);
  const TicketKey first = keys.current();
  EXPECT_TRUE(keys.rotate(kStart + 100h));
  EXPECT_FALSE(keys.find(first.name).has_value());
  EXPECT_FALSE(keys.rotate(kStart + 100h + 59min));
  EXPECT_TRUE(keys.rotate(kStart + 101h));
}

TEST(TicketKeys, LiveAsLongAsTheirTickets) {
  EXPECT_EQ(TicketKeys(1h, kStart).lifetime(), 2h);
  EXPECT_EQ(TicketKeys(10 * 24h, kStart).lifetime(), 7 * 24h);
}

TEST(TicketKeys, NeverRotateWithoutInterval) {
  TicketKeys keys(0ms, kStart);
  EXPECT_FALSE(keys.rotate(kStart + 10000h));
  EXPECT_EQ(keys.lifetime(), 24h);
}

TEST(TicketKeys, DoNotKnowAForeignName) {
  const TicketKeys keys(1h, kStart);
  const std::array<unsigned char, TicketKey::kNameSize> zeros{};
  EXPECT_FALSE(keys.find(zeros).has_value());
}

}  // namespace
}  // namespace postern::crypto
