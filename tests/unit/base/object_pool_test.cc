// Objects are made once and handed on; no more than a few rest.
#include "base/object_pool.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

struct Counted {
  explicit Counted(int& alive) : alive_(alive) { ++alive_; }
  ~Counted() { --alive_; }
  int& alive_;
};

TEST(ObjectPool, HandsOnTheSameObject) {
  int alive = 0;
  {
    ObjectPool<Counted> pool;
    Counted* const first = pool.take(alive).get();
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(pool.take(alive).get(), first);
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST(ObjectPool, KeepsAFew) {
  int alive = 0;
  ObjectPool<Counted> pool;
  {
    std::vector<ObjectPool<Counted>::Pointer> all;
    constexpr int kMore = static_cast<int>(ObjectPool<Counted>::kMaxIdle) + 44;
    for (int i = 0; i < kMore; ++i) all.push_back(pool.take(alive));
    EXPECT_EQ(alive, kMore);
  }
  EXPECT_EQ(alive, static_cast<int>(ObjectPool<Counted>::kMaxIdle));
}

}  // namespace
}  // namespace postern
