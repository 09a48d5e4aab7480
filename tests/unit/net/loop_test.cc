// The loop: timers in real time, work from other threads.
#include "net/loop.h"

#include <gtest/gtest.h>

#include <thread>

#include "unit/net/loop_support.h"

namespace postern::net {
namespace {

struct Probe {
  Probe() : timer([](void* self) noexcept { ++static_cast<Probe*>(self)->fired; }, this) {}
  int fired = 0;
  Timer timer;
};

TEST(Loop, FiresTimersInTheirOrder) {
  Loop loop;
  Probe late, soon, cleared;
  loop.set_timer(late.timer, 25);
  loop.set_timer(cleared.timer, 10);
  loop.set_timer(soon.timer, 5);  // earlier than what it was armed for
  cleared.timer.clear();
  ASSERT_TRUE(test::drive(loop, [&] { return soon.fired == 1; }));
  EXPECT_EQ(late.fired, 0);
  ASSERT_TRUE(test::drive(loop, [&] { return late.fired == 1; }));
  EXPECT_EQ(cleared.fired, 0);
  EXPECT_EQ(soon.fired, 1);
}

TEST(Loop, WakesOnceForATimer) {
  // The coarse clock is up to 4 ms behind the one that wakes us: that must not become a busy wait.
  Loop loop;
  int wakes = 0;
  for (int i = 0; i < 5; ++i) {
    Probe probe;
    loop.set_timer(probe.timer, 3);
    loop.io().restart();  // it had nothing left to do
    for (; !probe.fired && wakes < 1'000; ++wakes) loop.io().run_one_for(std::chrono::seconds(1));
  }
  EXPECT_LE(wakes, 20);
}

TEST(Loop, TakesWorkFromOtherThreads) {
  Loop loop;
  int seen = 0;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) loop.post([&] { ++seen; });
  });
  EXPECT_TRUE(test::drive(loop, [&] { return seen == 100; }));
  other.join();
}

TEST(Loop, EndsWithItsWork) {
  Loop loop;
  bool ran = false;
  loop.post([&] { ran = true; });
  loop.run();
  EXPECT_TRUE(ran);
  loop.finish();
}

}  // namespace
}  // namespace postern::net
