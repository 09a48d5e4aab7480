// The loop: timers in real time, work from other threads.
#include "net/loop.h"

#include <gtest/gtest.h>

#include <thread>

#include "net/signal.h"
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

TEST(Loop, DefersBehindTheBatchAndWritesLast) {
  Loop loop;
  struct Step {
    Step(std::string& text, char sign) : log(text), name(sign) {}
    std::string& log;
    char name;
    Deferred deferred{[](void* self) noexcept { static_cast<Step*>(self)->run(); }, this};
    Loop* again = nullptr;
    Step* next = nullptr;
    void run() {
      log += name;
      if (again) again->defer(next->deferred);
    }
  };
  std::string log;
  Step write(log, 'w');
  Step first(log, '1');
  Step second(log, '2');
  first.again = &loop;
  first.next = &second;
  {
    Step gone(log, 'x');
    loop.defer(gone.deferred);
  }
  loop.defer_last(write.deferred);
  loop.defer(first.deferred);
  loop.defer(first.deferred);
  loop.run_deferred();
  EXPECT_EQ(log, "12w");
  EXPECT_FALSE(write.deferred.is_set());
}

TEST(Signal, WakesItsWaiterFromTheLoop) {
  Loop loop;
  Signal signal(loop);
  struct Waiter {
    static Task<Waited> wait(Loop&, Signal& s, std::int64_t ms) { co_return co_await s.wait(ms); }
  };
  test::Running<Waited> noticed(loop, Waiter::wait(loop, signal, 0));
  signal.notify();
  EXPECT_FALSE(noticed.done()) << "from the loop, not from here";
  EXPECT_EQ(noticed.get(), Waited::ready);
  test::Running<Waited> late(loop, Waiter::wait(loop, signal, 10));
  EXPECT_EQ(late.get(), Waited::timeout);
  signal.notify();  // nobody waits: forgotten
  loop.run_deferred();
  test::Running<Waited> later(loop, Waiter::wait(loop, signal, 10));
  EXPECT_EQ(later.get(), Waited::timeout);
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
