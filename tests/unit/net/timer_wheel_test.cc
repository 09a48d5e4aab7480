// The wheel with times of the test's own: never early, never lost, whatever happens from within.
#include "net/timer_wheel.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace postern::net {
namespace {

constexpr std::int64_t kStart = 1'000'000;
constexpr std::int64_t kTurn = TimerWheel::kTickMs * static_cast<std::int64_t>(TimerWheel::kSlots);

struct Probe {
  Probe() : timer([](void* self) noexcept { static_cast<Probe*>(self)->fire(); }, this) {}
  void fire() {
    ++fired;
    if (then) then();
  }
  int fired = 0;
  std::function<void()> then;
  Timer timer;
};

struct Wheel : TimerWheel {
  Wheel() : TimerWheel(kStart) {}
  /// When it fires, looking every millisecond; -1: not within `most`.
  std::int64_t fires_after(Probe& probe, std::int64_t most) {
    for (std::int64_t t = 0; t <= most; ++t) {
      advance(kStart + t);
      if (probe.fired) return t;
    }
    return -1;
  }
};

TEST(TimerWheel, NeverEarlyAndAtMostTwoTicksLate) {
  for (const std::int64_t delay : {0, 1, 7, 8, 9, 100, 1'000, 8'191, 8'192, 8'193, 20'000}) {
    Wheel wheel;
    Probe probe;
    wheel.set(probe.timer, kStart, delay);
    const std::int64_t after = wheel.fires_after(probe, delay + 100);
    EXPECT_GE(after, delay);
    EXPECT_LE(after, delay + 2 * TimerWheel::kTickMs);
    EXPECT_FALSE(probe.timer.is_set());
  }
}

TEST(TimerWheel, DeadlinesOfLaterTurnsShareASlot) {
  Wheel wheel;
  Probe soon, later, latest;
  wheel.set(latest.timer, kStart, 100 + 2 * kTurn);
  wheel.set(soon.timer, kStart, 100);
  wheel.set(later.timer, kStart, 100 + kTurn);
  wheel.advance(kStart + 200);
  EXPECT_EQ(soon.fired + later.fired + latest.fired, 1);
  wheel.advance(kStart + 200 + kTurn);
  EXPECT_EQ(later.fired, 1);
  EXPECT_EQ(latest.fired, 0);
  wheel.advance(kStart + 200 + 2 * kTurn);
  EXPECT_EQ(latest.fired, 1);
}

TEST(TimerWheel, ALongStopFiresEverythingOnce) {
  Wheel wheel;
  std::vector<std::unique_ptr<Probe>> probes;
  for (int i = 0; i < 3'000; ++i) {
    probes.push_back(std::make_unique<Probe>());
    wheel.set(probes.back()->timer, kStart, i * 17);
  }
  wheel.advance(kStart + 10 * kTurn);
  for (const auto& probe : probes) EXPECT_EQ(probe->fired, 1);
  EXPECT_EQ(wheel.next_ms(), -1);
}

TEST(TimerWheel, ClearedAndSetAnew) {
  Wheel wheel;
  Probe probe;
  wheel.set(probe.timer, kStart, 50);
  probe.timer.clear();
  probe.timer.clear();
  EXPECT_EQ(wheel.fires_after(probe, 200), -1);
  wheel.set(probe.timer, kStart + 200, 50);
  wheel.set(probe.timer, kStart + 200, 500);  // the later word counts
  wheel.advance(kStart + 300);
  EXPECT_EQ(probe.fired, 0);
  wheel.advance(kStart + 750);
  EXPECT_EQ(probe.fired, 1);
}

TEST(TimerWheel, FromWithinATimerMaySetItselfAgain) {
  Wheel wheel;
  Probe probe;
  std::int64_t now = kStart;
  probe.then = [&] { wheel.set(probe.timer, now, 0); };
  wheel.set(probe.timer, kStart, 0);
  for (int i = 1; i <= 10; ++i) {
    now = kStart + i * TimerWheel::kTickMs;
    wheel.advance(now);
    EXPECT_EQ(probe.fired, i);  // once a tick, never in a circle
  }
}

TEST(TimerWheel, FromWithinOthersMayBeClearedAndDestroyed) {
  Wheel wheel;
  Probe first, second;
  auto third = std::make_unique<Probe>();
  first.then = [&] {
    second.timer.clear();
    third.reset();
  };
  wheel.set(first.timer, kStart, 10);
  wheel.set(second.timer, kStart, 10);
  wheel.set(third->timer, kStart, 10);
  wheel.advance(kStart + 100);
  EXPECT_EQ(first.fired, 1);
  EXPECT_EQ(second.fired, 0);
}

TEST(TimerWheel, FromWithinANewTimerOfTheSameSlotWaitsItsTurn) {
  Wheel wheel;
  Probe first, second;
  first.then = [&] { wheel.set(second.timer, kStart + 16, kTurn); };
  wheel.set(first.timer, kStart, 8);
  wheel.advance(kStart + 16);
  EXPECT_EQ(second.fired, 0);
  wheel.advance(kStart + 16 + kTurn / 2);
  EXPECT_EQ(second.fired, 0);
  wheel.advance(kStart + 16 + kTurn + 16);
  EXPECT_EQ(second.fired, 1);
}

TEST(TimerWheel, SaysWhetherItMustBeTurnedEarlier) {
  Wheel wheel;
  Probe a, b, c;
  EXPECT_EQ(wheel.next_ms(), -1);
  EXPECT_TRUE(wheel.set(a.timer, kStart, 1'000));
  const std::int64_t due = wheel.next_ms();
  EXPECT_GE(due, kStart + 1'000);
  EXPECT_LE(due, kStart + 1'016);
  EXPECT_FALSE(wheel.set(b.timer, kStart, 2'000));
  EXPECT_TRUE(wheel.set(c.timer, kStart, 500));
  EXPECT_LT(wheel.next_ms(), due);
  c.timer.clear();
  EXPECT_EQ(wheel.next_ms(), due);
}

TEST(TimerWheel, FarDeadlinesAreLookedAtOnceATurn) {
  Wheel wheel;
  Probe probe;
  wheel.set(probe.timer, kStart, 10 * kTurn);
  const std::int64_t look = wheel.next_ms();
  EXPECT_GT(look, kStart);
  EXPECT_LE(look, kStart + kTurn);
  std::int64_t now = kStart;
  for (int looks = 0; !probe.fired; ++looks) {
    ASSERT_LT(looks, 20);
    now = wheel.next_ms();
    wheel.advance(now);
  }
  EXPECT_GE(now, kStart + 10 * kTurn);
  EXPECT_LE(now, kStart + 10 * kTurn + 16);
}

TEST(TimerWheel, TurningWhenItAsksFiresEverythingInTime) {
  std::mt19937 random(1);
  Wheel wheel;
  struct Timed : Probe {
    std::int64_t deadline = 0;
    std::int64_t seen = 0;
  };
  std::vector<std::unique_ptr<Timed>> probes;
  std::int64_t now = kStart;
  for (int i = 0; i < 500; ++i) {
    auto timed = std::make_unique<Timed>();
    const std::int64_t delay = random() % (3 * kTurn);
    timed->deadline = kStart + delay;
    timed->then = [t = timed.get(), &now] { t->seen = now; };
    wheel.set(timed->timer, kStart, delay);
    probes.push_back(std::move(timed));
  }
  for (std::int64_t next; (next = wheel.next_ms()) >= 0;) {
    ASSERT_GT(next, now - TimerWheel::kTickMs);
    now = std::max(next, now + 1);
    wheel.advance(now);
  }
  for (const auto& timed : probes) {
    EXPECT_EQ(timed->fired, 1);
    EXPECT_GE(timed->seen, timed->deadline);
    EXPECT_LE(timed->seen, timed->deadline + 2 * TimerWheel::kTickMs);
  }
}

TEST(TimerWheel, MayGoBeforeItsTimers) {
  Probe probe;
  {
    Wheel wheel;
    wheel.set(probe.timer, kStart, 10);
  }
  EXPECT_FALSE(probe.timer.is_set());
}

}  // namespace
}  // namespace postern::net
