// Tail latency of each balancer in a simulated upstream: ten endpoints that answer four requests at a time in 10 ms on
// average (exponential) and queue the others, one of them twenty times slower, half of the capacity asked for by
// requests that come at random. Time is simulated: the same numbers in every run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <deque>
#include <queue>
#include <vector>

#include "balance/kinds.h"
#include "base/hash.h"
#include "base/peak_ewma.h"
#include "base/random.h"

namespace postern::balance {
namespace {

constexpr Nanoseconds kMs = 1'000'000;
constexpr int kEndpoints = 10;
constexpr int kServers = 4;
constexpr int kRequests = 100'000;

struct Tail {
  double p50_ms, p99_ms, p999_ms;
  int to_slow;
};

class Simulation {
 public:
  explicit Simulation(const BalancerKind& kind, double slowness) : balancer_(kind.make(7)), slowness_(slowness) {
    std::vector<Candidate*> all;
    for (std::size_t i = 0; i < kEndpoints; ++i) {
      endpoints_[i].candidate.id = hash_text("endpoint " + std::to_string(i));
      all.push_back(&endpoints_[i].candidate);
    }
    balancer_->assign(all);
  }

  Tail run() {
    Nanoseconds arrival = 0;
    for (int i = 0; i < kRequests; ++i) {
      arrival += static_cast<Nanoseconds>(exponential() * 10 * kMs / (0.5 * kEndpoints * kServers));
      finish_until(arrival);
      const std::size_t index = balancer_->pick({.now = arrival, .key = random_.next(), .has_key = true});
      to_slow_ += index == 0 ? 1 : 0;
      Endpoint& endpoint = endpoints_[index];
      ++endpoint.candidate.in_flight;
      endpoint.waiting.push_back(arrival);
      serve(index, arrival);
    }
    finish_until(arrival + 3'600'000 * kMs);
    std::ranges::sort(latencies_);
    const auto at = [&](double q) {
      return latencies_[static_cast<std::size_t>(q * static_cast<double>(latencies_.size() - 1))] / kMs;
    };
    return {at(0.5), at(0.99), at(0.999), to_slow_};
  }

 private:
  struct Endpoint {
    Candidate candidate;
    std::deque<Nanoseconds> waiting;  // since when
    int busy = 0;
  };
  struct End {
    Nanoseconds at;
    Nanoseconds since;
    std::size_t index;
    bool operator<(const End& other) const { return at > other.at; }
  };

  double exponential() { return -std::log((static_cast<double>(random_.next() >> 11) + 1) / 9007199254740993.0); }
  void serve(std::size_t index, Nanoseconds now) {
    Endpoint& endpoint = endpoints_[index];
    while (endpoint.busy < kServers && !endpoint.waiting.empty()) {
      const double takes = exponential() * 10 * kMs * (index == 0 ? slowness_ : 1);
      ends_.push({now + static_cast<Nanoseconds>(takes), endpoint.waiting.front(), index});
      endpoint.waiting.pop_front();
      ++endpoint.busy;
    }
  }
  void finish_until(Nanoseconds now) {
    while (!ends_.empty() && ends_.top().at <= now) {
      const End end = ends_.top();
      ends_.pop();
      Candidate& candidate = endpoints_[end.index].candidate;
      const auto took = static_cast<double>(end.at - end.since);
      latencies_.push_back(took);
      candidate.latency_ns = with_sample(candidate.latency_ns, end.at - candidate.latency_at, took);
      candidate.latency_at = end.at;
      --candidate.in_flight;
      --endpoints_[end.index].busy;
      serve(end.index, end.at);
    }
  }

  const std::unique_ptr<Balancer> balancer_;
  const double slowness_;
  Random random_{1};
  Endpoint endpoints_[kEndpoints];
  std::priority_queue<End> ends_;
  std::vector<double> latencies_;
  int to_slow_ = 0;
};

Tail simulate(std::string_view name, double slowness) {
  const Tail tail = Simulation(*find_kind(name), slowness).run();
  std::printf("  %-16.*s %9.1f %9.1f %9.1f %8.2f %%\n", static_cast<int>(name.size()), name.data(), tail.p50_ms,
              tail.p99_ms, tail.p999_ms, 100.0 * tail.to_slow / kRequests);
  return tail;
}

TEST(BalancerSimulation, OneSlowEndpointOfTen) {
  std::printf("  %-16s %9s %9s %9s %10s\n", "one 20x slower", "p50 ms", "p99 ms", "p99.9 ms", "to the slow");
  for (const BalancerKind* kind : kinds()) simulate(kind->name, 20);
  const Tail turns = simulate("round_robin", 20);
  const Tail least = simulate("least_requests", 20);
  const Tail best = simulate("p2c_ewma", 20);
  EXPECT_LT(best.p99_ms, 0.25 * turns.p99_ms);
  EXPECT_LT(best.p99_ms, least.p99_ms);
  EXPECT_LT(best.p99_ms, 100);
  EXPECT_LT(best.to_slow, kRequests / 200);
  EXPECT_GT(best.to_slow, 2);  // and yet it is given a chance
}

TEST(BalancerSimulation, AllAlike) {
  std::printf("  %-16s %9s %9s %9s %10s\n", "all alike", "p50 ms", "p99 ms", "p99.9 ms", "to one");
  for (const BalancerKind* kind : kinds()) {
    const Tail tail = simulate(kind->name, 1);
    EXPECT_LT(tail.p99_ms, 150) << kind->name;
    EXPECT_GT(tail.to_slow, kRequests / 20) << kind->name;
    EXPECT_LT(tail.to_slow, kRequests / 5) << kind->name;
  }
}

}  // namespace
}  // namespace postern::balance
