#include "upstream/wait_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace postern::upstream {
namespace {

constexpr Nanoseconds kMs = 1'000'000;

struct Guest {
  explicit Guest(std::vector<Guest*>& woken) : calls(woken) {
    waiter.owner = this;
    waiter.wake = [](void* self) noexcept {
      auto* guest = static_cast<Guest*>(self);
      guest->calls.push_back(guest);
    };
  }
  std::vector<Guest*>& calls;
  WaitQueue::Waiter waiter;
};

TEST(WaitQueue, ServesInOrderAndWakesTheFirst) {
  WaitQueue queue;
  std::vector<Guest*> woken;
  Guest a(woken), b(woken), c(woken);
  queue.enter(a.waiter, 0);
  queue.enter(b.waiter, 0);
  queue.enter(c.waiter, 0);
  EXPECT_EQ(queue.size(), 3u);
  queue.freed(10 * kMs);
  EXPECT_EQ(woken, (std::vector<Guest*>{&a}));
  queue.leave(a.waiter);  // took its place: there may be room for another one
  EXPECT_EQ(woken, (std::vector<Guest*>{&a, &b}));
  queue.leave(c.waiter);  // gave up
  EXPECT_EQ(woken.size(), 2u);
  queue.leave(b.waiter);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(woken.size(), 2u);
  queue.freed(20 * kMs);  // nobody is there
}

TEST(WaitQueue, NothingIsPromisedBeforeAnythingIsKnown) {
  WaitQueue queue;
  std::vector<Guest*> woken;
  Guest a(woken), b(woken);
  EXPECT_EQ(queue.expected_wait(), 0);
  queue.enter(a.waiter, 0);
  EXPECT_EQ(queue.expected_wait(), 0);
  queue.freed(100 * kMs);
  EXPECT_EQ(queue.expected_wait(), 200 * kMs);  // behind one
  queue.leave(a.waiter);
  EXPECT_EQ(queue.expected_wait(), 0);  // whoever comes first may always wait
}

TEST(WaitQueue, MeasuresTheRateAtWhichPlacesBecomeFree) {
  WaitQueue queue;
  std::vector<Guest*> woken;
  std::vector<Guest> guests(11, Guest(woken));
  for (Guest& guest : guests) {
    guest.waiter.owner = &guest;
    queue.enter(guest.waiter, 0);
  }
  Nanoseconds now = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    queue.freed(now += 20 * kMs);
    queue.leave(guests[i].waiter);
  }
  EXPECT_EQ(queue.expected_wait(), 40 * kMs);
  // Time in which nobody waits counts for nothing.
  queue.leave(guests[10].waiter);
  queue.enter(guests[0].waiter, now + 60'000 * kMs);
  queue.freed(now + 60'020 * kMs);
  EXPECT_EQ(queue.expected_wait(), 40 * kMs);
}

TEST(WaitQueue, FollowsAServiceThatBecomesFaster) {
  WaitQueue queue;
  std::vector<Guest*> woken;
  Guest a(woken);
  queue.enter(a.waiter, 0);
  Nanoseconds now = 0;
  for (int i = 0; i < 30; ++i) queue.freed(now += 1000 * kMs);
  EXPECT_NEAR(static_cast<double>(queue.expected_wait()), 2000.0 * kMs, 1);
  for (int i = 0; i < 1000; ++i) queue.freed(now += 10 * kMs);
  EXPECT_LT(queue.expected_wait(), 50 * kMs);
}

}  // namespace
}  // namespace postern::upstream
