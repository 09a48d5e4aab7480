// What one pick costs, by balancer and number of endpoints; some of them busy, as they are in traffic.
#include <benchmark/benchmark.h>

#include <deque>
#include <string>
#include <vector>

#include "balance/kinds.h"
#include "base/hash.h"

namespace {

void pick(benchmark::State& state, const postern::BalancerKind* kind) {
  std::deque<postern::Candidate> candidates;
  std::vector<postern::Candidate*> all;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(state.range(0)); ++i) {
    candidates.push_back({.id = postern::hash_text("endpoint " + std::to_string(i)),
                          .in_flight = static_cast<std::uint32_t>(i % 3),
                          .latency_ns = 1e6 + static_cast<double>(i)});
    all.push_back(&candidates.back());
  }
  const auto balancer = kind->make(1);
  balancer->assign(all);
  postern::PickInput input{.has_key = true};
  for (auto _ : state) {
    input.now += 1000;
    ++input.key;
    benchmark::DoNotOptimize(balancer->pick(input));
  }
}

const bool kRegistered = [] {
  for (const postern::BalancerKind* kind : postern::balance::kinds()) {
    const std::string name = "BM_Pick/" + std::string(kind->name);
    benchmark::RegisterBenchmark(name.c_str(), [kind](benchmark::State& s) { pick(s, kind); })
        ->Arg(4)
        ->Arg(10)
        ->Arg(100);
  }
  return true;
}();

}  // namespace
