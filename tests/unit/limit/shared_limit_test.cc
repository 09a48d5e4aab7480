// Several cores on one budget: never more than it holds, nearly all of what it holds, and floods of keys that take
// nobody's bucket away.
#include "limit/shared_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "limit/core_limits.h"

namespace postern::limit {
namespace {

constexpr Nanoseconds kMs = 1'000'000;
constexpr Nanoseconds kSecond = 1'000 * kMs;

config::Limit make_limit(std::uint64_t requests, std::uint64_t burst = 0) {
  config::Limit limit;
  limit.name = "calls";
  limit.per = {"subject"};
  limit.requests = requests;
  limit.burst = burst;
  limit.interval = std::chrono::seconds(1);
  limit.max_keys = 1600;
  return limit;
}

class Cores {
 public:
  Cores(const config::Limit& limit, std::size_t cores) : book_(registry_.make_book({limit}, cores)) {
    set_ = book_->make_set({limit.name});
    for (std::size_t i = 0; i < cores; ++i) cores_.push_back(std::make_unique<CoreLimits>());
    for (const auto& core : cores_) core->install(book_);
  }
  bool take(std::size_t core, const std::string& subject, Nanoseconds now) {
    LimitGuard guard;
    return take(core, subject, now, guard);
  }
  bool take(std::size_t core, const std::string& subject, Nanoseconds now, LimitGuard& guard) {
    Principal who;
    who.subject = subject;
    LimitInput input;
    input.principal = &who;
    Refusal refusal;
    return cores_[core]->take(set_, input, now, guard, refusal);
  }
  void tick(Nanoseconds now) {
    for (const auto& core : cores_) core->tick(now);
  }
  SharedLimit& limit() { return *set_.limits[0]; }
  CoreLimits& core(std::size_t i) { return *cores_[i]; }

 private:
  LimitRegistry registry_;
  std::shared_ptr<const LimitBook> book_;
  LimitSet set_;
  std::vector<std::unique_ptr<CoreLimits>> cores_;
};

// Whatever the pattern: over any stretch of time no more than the burst and what flows in meanwhile.
TEST(SharedLimit, CoresTogetherNeverExceedBurstAndRate) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    const auto pick = [&random](std::uint64_t most) { return random.next() % most; };
    const std::uint64_t requests = 1 + pick(seed % 3 == 0 ? 20 : 5000), burst = 1 + pick(2 * requests);
    const std::size_t count = 1 + pick(8);
    Cores cores(make_limit(requests, burst), count);
    Nanoseconds now = kSecond;
    std::vector<Nanoseconds> taken;
    for (int i = 0; i < 4000; ++i) {
      if (pick(10) < 3) now += static_cast<Nanoseconds>(pick(pick(20) == 0 ? 300 * kMs : 2 * kMs));
      const std::size_t core = pick(4) == 0 ? pick(count) : (i / 200) % count;
      if (cores.take(core, "alice", now)) taken.push_back(now);
      if (pick(50) == 0) cores.tick(now);
    }
    // For each start, the worst end: taken(a, b] - rate * (b - a) is largest where a rising sum is.
    double lowest = 0;
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const double flowed = static_cast<double>(requests) * static_cast<double>(taken[i]) / 1e9;
      if (i == 0 || static_cast<double>(i) - flowed < lowest) lowest = static_cast<double>(i) - flowed;
      const double used = static_cast<double>(i + 1) - flowed - lowest;
      ASSERT_LE(used, static_cast<double>(burst) + 1e-3) << "seed " << seed << ", request " << i;
    }
  }
}

TEST(SharedLimit, NearlyAllOfTheBudgetCanBeUsed) {
  for (const std::size_t count : {1, 2, 8}) {
    Cores cores(make_limit(1000), count);
    int taken = 0;
    for (Nanoseconds now = kSecond; now < 11 * kSecond; now += kMs / 4) {
      taken += cores.take(static_cast<std::size_t>(now / (kMs / 4)) % count, "alice", now) ? 1 : 0;
      if (now % (100 * kMs) == 0) cores.tick(now);
    }
    EXPECT_LE(taken, 11'001);
    EXPECT_GE(taken, 10'700) << count << " cores";
  }
}

TEST(SharedLimit, WithFewLeftLeasesShrinkToOne) {
  Cores cores(make_limit(4), 4);
  for (std::size_t core = 0; core < 4; ++core) EXPECT_TRUE(cores.take(core, "alice", kSecond)) << core;
  for (std::size_t core = 0; core < 4; ++core) EXPECT_FALSE(cores.take(core, "alice", kSecond)) << core;
}

TEST(SharedLimit, WhatACoreDoesNotUseGoesBack) {
  Cores cores(make_limit(1000), 2);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(cores.take(0, "alice", kSecond));
  cores.tick(kSecond);
  cores.tick(kSecond);
  int taken = 0;
  while (cores.take(1, "alice", kSecond)) ++taken;
  EXPECT_EQ(taken, 900);
}

TEST(SharedLimit, AHotKeyAsksTheSharedBucketSeldom) {
  // What a lease is for: the shared bucket hears of a key that is far from its end about once in a slice.
  Cores cores(make_limit(1'000'000), 2);
  EXPECT_TRUE(cores.take(0, "alice", kSecond));
  std::uint64_t before = cores.limit().leases();
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(cores.take(0, "alice", kSecond + i * 10'000));
  EXPECT_LT(cores.limit().leases() - before, 40u);
}

TEST(SharedLimit, RefusedRequestsDoNotAskEachTime) {
  Cores cores(make_limit(1), 2);
  EXPECT_TRUE(cores.take(0, "alice", kSecond));
  EXPECT_FALSE(cores.take(0, "alice", kSecond));
  const std::uint64_t before = cores.limit().leases();
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(cores.take(0, "alice", kSecond + i * 100'000));
  EXPECT_LE(cores.limit().leases() - before, 2u);
}

TEST(SharedLimit, PlacesAreNeverMoreThanThereAre) {
  config::Limit limit = make_limit(0);
  limit.concurrent = 10;
  Cores cores(limit, 4);
  Random random(7);
  std::vector<std::unique_ptr<LimitGuard>> guards;
  std::size_t most = 0;
  Nanoseconds now = kSecond;
  for (int i = 0; i < 20'000; ++i) {
    now += 10 * kMs;
    if (random.next() % 2 == 0 && !guards.empty()) {
      std::swap(guards[random.next() % guards.size()], guards.back());
      guards.pop_back();
    } else {
      auto guard = std::make_unique<LimitGuard>();
      if (cores.take(random.next() % 4, "alice", now, *guard)) guards.push_back(std::move(guard));
    }
    if (i % 10 == 0) cores.tick(now);
    most = std::max(most, guards.size());
    ASSERT_LE(guards.size(), 10u);
  }
  EXPECT_EQ(most, 10u) << "all of them can be used";
  guards.clear();
  cores.tick(now);
  cores.tick(now);
  for (int i = 0; i < 10; ++i) {
    guards.push_back(std::make_unique<LimitGuard>());
    EXPECT_TRUE(cores.take(3, "alice", now, *guards.back()));
  }
}

TEST(SharedLimit, AFloodOfKeysGivesNobodyASpentBucketBack) {
  config::Limit limit = make_limit(10);
  limit.interval = std::chrono::hours(1);
  Cores cores(limit, 2);
  Nanoseconds now = kSecond;
  while (cores.take(0, "alice", now)) {
  }
  for (int i = 0; i < 20'000; ++i) {
    cores.take(static_cast<std::size_t>(i) % 2, "flood" + std::to_string(i), now += kMs);
    if (i % 100 == 0) cores.tick(now);
  }
  EXPECT_LE(cores.limit().keys(), 1600u);
  EXPECT_FALSE(cores.take(0, "alice", now));
  EXPECT_FALSE(cores.take(1, "alice", now));
}

TEST(SharedLimit, WhoFindsNoPlaceSharesOneBucket) {
  config::Limit limit = make_limit(1);  // one request and a bucket is spent: none may go
  limit.interval = std::chrono::hours(1);
  limit.max_keys = 160;
  Cores cores(limit, 1);
  int taken = 0;
  for (int i = 0; i < 5000; ++i) taken += cores.take(0, "flood" + std::to_string(i), kSecond) ? 1 : 0;
  EXPECT_LE(cores.limit().keys(), 160u);
  EXPECT_LE(taken, 160 + 16);
  EXPECT_GT(cores.limit().crowded(), 4000u);
  EXPECT_TRUE(cores.take(0, "late", kSecond + 3'700 * kSecond)) << "full again: there is a place";
}

TEST(SharedLimit, PlacesOfTheCrowdComeBack) {
  config::Limit limit = make_limit(0);
  limit.concurrent = 2;
  limit.max_keys = 16;
  Cores cores(limit, 1);
  std::vector<std::unique_ptr<LimitGuard>> guards;
  for (int i = 0; i < 200; ++i) {
    guards.push_back(std::make_unique<LimitGuard>());
    cores.take(0, "k" + std::to_string(i), kSecond, *guards.back());
  }
  guards.clear();
  cores.tick(kSecond);
  cores.tick(kSecond);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 48; ++i) {
      guards.push_back(std::make_unique<LimitGuard>());
      EXPECT_TRUE(cores.take(0, "k" + std::to_string(i), 2 * kSecond, *guards.back())) << round << " " << i;
      guards.pop_back();
    }
  }
}

TEST(SharedLimitConcurrency, ThreadsTogetherNeverExceedBurstAndRate) {
  constexpr std::size_t kThreads = 3;
  config::Limit limit = make_limit(2000, 500);
  limit.concurrent = 50;
  LimitRegistry registry;
  const std::shared_ptr<const LimitBook> book = registry.make_book({limit}, kThreads);
  const LimitSet set = book->make_set({limit.name});
  std::atomic<std::uint64_t> taken{0};
  std::atomic<Nanoseconds> clock{kSecond};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      CoreLimits core;
      core.install(book);
      Principal who;
      LimitInput input;
      input.principal = &who;
      for (int i = 0; i < 20'000; ++i) {
        const Nanoseconds now = clock.fetch_add(20'000) + 20'000;
        who.subject = i % 8 == 0 ? "bob" : "alice";
        LimitGuard guard;
        Refusal refusal;
        if (core.take(set, input, now, guard, refusal) && who.subject == "alice") taken.fetch_add(1);
        if (i % 64 == 0) core.tick(now);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double passed = static_cast<double>(clock.load() - kSecond) / 1e9;
  EXPECT_LE(static_cast<double>(taken.load()), 500 + 2000 * passed + 1);
  EXPECT_GE(static_cast<double>(taken.load()), 0.8 * 2000 * passed);
}

}  // namespace
}  // namespace postern::limit
