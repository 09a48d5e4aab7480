// Frames: recycled by size class, the large ones from the heap, a burst does not stay for ever.
#include "base/frame_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace postern {
namespace {

TEST(FramePool, GivesTheSameBlockAgain) {
  FramePool pool;
  void* first = pool.allocate(200);
  pool.deallocate(first, 200);
  EXPECT_EQ(pool.idle_bytes(), 256u);
  EXPECT_EQ(pool.allocate(256), first);  // the same class
  EXPECT_EQ(pool.idle_bytes(), 0u);
  pool.deallocate(first, 256);
}

TEST(FramePool, ClassesDoNotMix) {
  FramePool pool;
  void* small = pool.allocate(128);
  pool.deallocate(small, 128);
  void* next = pool.allocate(129);
  EXPECT_NE(next, small);
  std::memset(next, 1, 129);
  pool.deallocate(next, 129);
}

TEST(FramePool, BlocksOfEverySizeCanBeWritten) {
  FramePool pool;
  for (std::size_t size = 1; size <= 9'000; size += 61) {
    void* block = pool.allocate(size);
    std::memset(block, 0xEE, size);
    pool.deallocate(block, size);
  }
}

TEST(FramePool, LargeOnesAreNotKept) {
  FramePool pool;
  void* block = pool.allocate(8 * 1024 + 1);
  pool.deallocate(block, 8 * 1024 + 1);
  EXPECT_EQ(pool.idle_bytes(), 0u);
}

TEST(FramePool, ABurstDoesNotStay) {
  FramePool pool;
  std::vector<void*> blocks;
  for (int i = 0; i < 1'000; ++i) blocks.push_back(pool.allocate(8'000));
  for (void* block : blocks) pool.deallocate(block, 8'000);
  EXPECT_LE(pool.idle_bytes(), (4u << 20) + 8 * 1024);
}

}  // namespace
}  // namespace postern
