// What limits cost a request: one limit per caller out of a lease; three with longer keys; and a caller that is
// refused.
#include <benchmark/benchmark.h>

#include <string>

#include "limit/core_limits.h"

namespace postern::limit {
namespace {

config::Limit limit_of(std::string name, std::vector<std::string> per, std::uint64_t requests) {
  config::Limit limit;
  limit.name = std::move(name);
  limit.per = std::move(per);
  limit.requests = requests;
  limit.interval = std::chrono::seconds(1);
  limit.max_keys = 100'000;
  return limit;
}

void run(benchmark::State& state, const std::vector<config::Limit>& limits) {
  LimitRegistry registry;
  const auto book = registry.make_book(limits, 4);
  std::vector<std::string> names;
  for (const config::Limit& limit : limits) names.push_back(limit.name);
  const LimitSet set = book->make_set(names);
  CoreLimits core;
  core.install(book);
  std::vector<Principal> callers(1000);
  for (std::size_t i = 0; i < callers.size(); ++i) {
    callers[i].issuer = "https://login.example.com/tenant/v2.0";
    callers[i].subject = "user-" + std::to_string(i) + "@example.com";
  }
  LimitInput input;
  input.route = "predict";
  input.model = "resnet";
  Refusal refusal;
  Nanoseconds now = 1'000'000'000;
  std::size_t i = 0;
  for (auto _ : state) {
    input.principal = &callers[i++ % callers.size()];
    LimitGuard guard;
    benchmark::DoNotOptimize(core.take(set, input, now, guard, refusal));
    now += 1000;
    if (i % 100'000 == 0) core.tick(now);
  }
}

void limit_per_caller(benchmark::State& state) { run(state, {limit_of("user", {"subject"}, 1'000'000)}); }
BENCHMARK(limit_per_caller);

void three_limits(benchmark::State& state) {
  config::Limit places = limit_of("places", {"model"}, 0);
  places.concurrent = 1000;
  run(state, {limit_of("user", {"subject", "model"}, 1'000'000), limit_of("all", {}, 1'000'000'000), places});
}
BENCHMARK(three_limits);

void limit_refused(benchmark::State& state) { run(state, {limit_of("user", {"subject"}, 1)}); }
BENCHMARK(limit_refused);

}  // namespace
}  // namespace postern::limit
