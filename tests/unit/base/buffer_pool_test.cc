// Leases: sizes, returns, moves, and how many blocks a pool keeps.
#include "base/buffer_pool.h"

#include <gtest/gtest.h>

#include <vector>

namespace postern {
namespace {

TEST(BufferPool, LeasesCountUntilTheyEnd) {
  BufferPool pool;
  Buffer none;
  EXPECT_FALSE(none);
  {
    Buffer small = pool.small();
    Buffer large = pool.large();
    EXPECT_EQ(small.size(), BufferPool::kSmall);
    EXPECT_EQ(large.size(), BufferPool::kLarge);
    EXPECT_EQ(pool.leased(), 2u);
    small.release();
    small.release();
    EXPECT_FALSE(small);
    EXPECT_EQ(pool.leased(), 1u);
  }
  EXPECT_EQ(pool.leased(), 0u);
}

TEST(BufferPool, BlocksComeBackByKind) {
  BufferPool pool;
  Buffer small = pool.small();
  char* const block = small.data();
  small.release();
  Buffer large = pool.large();
  EXPECT_NE(large.data(), block);
  EXPECT_EQ(pool.small().data(), block);
}

TEST(BufferPool, MovesKeepOneOwner) {
  BufferPool pool;
  Buffer a = pool.small();
  Buffer b = pool.small();
  char* const block = a.data();
  b = std::move(a);
  EXPECT_EQ(pool.leased(), 1u);
  EXPECT_EQ(b.data(), block);
  Buffer& self = b;
  b = std::move(self);
  EXPECT_EQ(b.data(), block);
  Buffer c(std::move(b));
  EXPECT_EQ(c.data(), block);
  EXPECT_EQ(pool.leased(), 1u);
}

TEST(BufferPool, MoreThanItKeepsIsFine) {
  BufferPool pool;
  std::vector<Buffer> all;
  for (int i = 0; i < 300; ++i) all.push_back(pool.small());
  for (int i = 0; i < 70; ++i) all.push_back(pool.large());
  EXPECT_EQ(pool.leased(), 370u);
  all.clear();
  EXPECT_EQ(pool.leased(), 0u);
}

}  // namespace
}  // namespace postern
