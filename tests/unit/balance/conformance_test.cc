// What every balancer must do, whatever its idea of fairness is.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include "balance/kinds.h"
#include "base/hash.h"
#include "unit/base/count_allocations.h"

namespace postern::balance {
namespace {

class Balancers : public testing::TestWithParam<const BalancerKind*> {
 protected:
  void set(std::vector<double> weights) {
    candidates_.clear();
    std::vector<Candidate*> all;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      candidates_.push_back({.id = hash_text("endpoint " + std::to_string(i)), .weight = weights[i]});
      all.push_back(&candidates_.back());
    }
    if (!balancer_) balancer_ = GetParam()->make(42);
    balancer_->assign(all);
  }
  PickInput next() { return {.now = ++now_ * 1'000'000, .key = mix_hash(++key_), .has_key = true}; }
  /// Each request is over, in 10 ms, before the next one comes.
  std::vector<int> spread(int requests) {
    std::vector<int> counts(candidates_.size());
    for (int i = 0; i < requests; ++i) {
      const PickInput input = next();
      const std::size_t index = balancer_->pick(input);
      EXPECT_LT(index, counts.size());
      if (index >= counts.size()) break;
      ++counts[index];
      candidates_[index].latency_ns = 10e6;
      candidates_[index].latency_at = input.now;
    }
    return counts;
  }

  std::deque<Candidate> candidates_;
  std::unique_ptr<Balancer> balancer_;
  Nanoseconds now_ = 0;
  std::uint64_t key_ = 0;
};

TEST_P(Balancers, SayWhatTheyAre) {
  EXPECT_FALSE(GetParam()->name.empty());
  EXPECT_TRUE(GetParam()->doc.ends_with('.'));
  EXPECT_EQ(find_kind(GetParam()->name), GetParam());
}

TEST_P(Balancers, PickTheOnlyOne) {
  set({0.1});
  EXPECT_EQ(spread(100), std::vector{100});
  PickInput again = next();
  again.attempt = 5;
  EXPECT_EQ(balancer_->pick(again), 0u);
}

TEST_P(Balancers, SpreadEqualEndpointsAlike) {
  for (const int size : {2, 3, 10, 40}) {
    set(std::vector<double>(static_cast<std::size_t>(size), 1));
    for (const int count : spread(size * 1000)) {
      EXPECT_GT(count, 650) << size;
      EXPECT_LT(count, 1400) << size;
    }
  }
}

TEST_P(Balancers, GiveTheHeavierMore) {
  set({1, 4, 1, 4});
  const std::vector<int> counts = spread(10'000);
  EXPECT_GT(counts[1], 2 * counts[0]);
  EXPECT_GT(counts[3], 2 * counts[2]);
  EXPECT_NEAR(counts[1], counts[3], 1200);
}

TEST_P(Balancers, FollowAChangingSet) {
  for (const std::size_t size : {5u, 2u, 17u, 1u, 3u, 100u, 4u}) {
    set(std::vector<double>(size, 1));
    const std::vector<int> counts = spread(static_cast<int>(size) * 200);
    EXPECT_EQ(std::ranges::count(counts, 0), 0) << size;
  }
}

TEST_P(Balancers, FollowWeightsThatGrow) {
  set({1, 0.1});
  spread(100);
  candidates_[1].weight = 1;
  spread(100);
  if (GetParam()->wants_key) return;  // a ring is made once
  const std::vector<int> counts = spread(1000);
  EXPECT_NEAR(counts[0], counts[1], 150);
}

TEST_P(Balancers, StandAnyLoad) {
  set({1, 0.001, 1000, 7});
  for (int round = 0; round < 2000; ++round) {
    for (Candidate& candidate : candidates_) {
      candidate.in_flight = static_cast<std::uint32_t>(mix_hash(static_cast<std::uint64_t>(++now_)) >> 34);
      candidate.latency_ns = std::ldexp(1.0, static_cast<int>(now_ % 90) - 10);
      candidate.latency_at = now_ * (now_ % 3 - 1);  // of another clock, even
    }
    PickInput input = next();
    input.attempt = static_cast<std::uint32_t>(round % 7);
    input.has_key = round % 2 == 0;
    ASSERT_LT(balancer_->pick(input), 4u);
  }
}

TEST_P(Balancers, AllocateNothing) {
  set(std::vector<double>(50, 1));
  test::start_counting_allocations();
  for (int i = 0; i < 1000; ++i) {
    PickInput input = next();
    input.attempt = static_cast<std::uint32_t>(i % 4);
    candidates_[balancer_->pick(input)].in_flight = static_cast<std::uint32_t>(i % 5);
  }
  EXPECT_EQ(test::stop_counting_allocations(), 0u);
}

INSTANTIATE_TEST_SUITE_P(All, Balancers, testing::ValuesIn(kinds().begin(), kinds().end()),
                         [](const auto& kind) { return std::string(kind.param->name); });

}  // namespace
}  // namespace postern::balance
