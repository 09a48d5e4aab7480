// Floods: tokens that come once must neither push out those that come again nor take more room than there is.
#include <gtest/gtest.h>

#include "unit/identity/token_cache_support.h"

namespace postern::identity {
namespace {

using test::CacheFixture;

constexpr std::size_t kHot = 200;

std::size_t hot_known(CacheFixture& f) {
  std::size_t known = 0;
  for (std::size_t i = 0; i < kHot; ++i) known += f.knows(CacheFixture::token(i)) ? 1 : 0;
  return known;
}

void warm(CacheFixture& f) {
  for (std::size_t i = 0; i < kHot; ++i) f.insert(CacheFixture::token(i));
  ASSERT_EQ(hot_known(f), kHot);
}

TEST(TokenCacheFlood, AMillionTokensPushOutNoHotOne) {
  CacheFixture f({.entries = 4096, .bytes = std::size_t{8} << 20});
  warm(f);
  std::size_t most = 0;
  for (std::size_t i = 0; i < 1'000'000; ++i) {
    const std::string token = CacheFixture::token(1000 + i);
    ASSERT_FALSE(f.knows(token));
    f.insert(token, "flood");
    most = std::max(most, f.cache.bytes());
    // The hot ones are used once in a while, each every 20,000 requests.
    if (i % 100 == 0) {
      ASSERT_TRUE(f.knows(CacheFixture::token(i / 100 % kHot))) << i;
    }
  }
  EXPECT_EQ(hot_known(f), kHot);
  EXPECT_LE(f.cache.size(), 4096u);
  EXPECT_LE(most, std::size_t{8} << 20);
}

TEST(TokenCacheFlood, BigTokensPushOutNoHotOneEither) {
  CacheFixture f({.entries = 4096, .bytes = std::size_t{2} << 20});
  warm(f);
  for (std::size_t i = 0; i < 5000; ++i) {
    f.insert(CacheFixture::token(1000 + i) + std::string(15'000, 'x'));
    ASSERT_LE(f.cache.bytes(), std::size_t{2} << 20);
  }
  EXPECT_EQ(hot_known(f), kHot);
}

TEST(TokenCacheFlood, OneThatComesBackAfterItsProbationStays) {
  CacheFixture f({.entries = 256});
  warm(f);
  f.insert(CacheFixture::token(5000));
  for (std::size_t i = 0; i < 100; ++i) f.insert(CacheFixture::token(6000 + i));
  ASSERT_FALSE(f.knows(CacheFixture::token(5000)));
  f.insert(CacheFixture::token(5000));
  for (std::size_t i = 0; i < 100; ++i) f.insert(CacheFixture::token(7000 + i));
  EXPECT_TRUE(f.knows(CacheFixture::token(5000)));
}

TEST(TokenCacheFlood, HotTokensThatNobodyUsesAnyMoreMakeRoom) {
  CacheFixture f({.entries = 256});
  warm(f);
  for (std::size_t i = 0; i < 2000; ++i) {
    f.insert(CacheFixture::token(1000 + i));
    (void)f.find(CacheFixture::token(1000 + i));  // these come twice
  }
  EXPECT_LT(hot_known(f), 10u);
  EXPECT_TRUE(f.knows(CacheFixture::token(2999)));
}

TEST(TokenCacheFlood, WhatIsTooLargeIsNotKept) {
  CacheFixture f({.entries = 256, .bytes = 100'000});
  f.insert(std::string(13'000, 'x'));
  EXPECT_EQ(f.cache.size(), 0u);
  EXPECT_EQ(f.cache.counters().too_large, 1u);
}

TEST(TokenCacheFlood, NoRequestPaysForEverybodysNextRound) {
  CacheFixture f({.entries = 4096, .bytes = std::size_t{32} << 20});
  for (std::size_t i = 0; i < 4096; ++i) f.insert(CacheFixture::token(i));
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < 4096; ++i) (void)f.find(CacheFixture::token(i));
  }
  f.insert(CacheFixture::token(9999));
  EXPECT_TRUE(f.knows(CacheFixture::token(9999)));
  EXPECT_EQ(f.cache.size(), 4096u);
  EXPECT_EQ(f.cache.counters().pushed_out, 1u);
}

}  // namespace
}  // namespace postern::identity
