// Policies: what a decision costs, and that it does not grow with how many there are. Each iteration asks another
// policy of the set, in random order: the worst case for caches. Hot asks the same one again and again. No rule but the
// last one decides, so every rule is looked at.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "policy/policy_set.h"

namespace {

using postern::Claim;
using postern::PolicyInput;
using postern::Principal;
using postern::policy::Policy;
using postern::policy::PolicySet;

// Ten rules of the usual kinds.
postern::config::Policy ten_rules(std::size_t i) {
  return {.name = fmt::format("p{}", i),
          .deny = {fmt::format("groups has \"suspended-{}\"", i), "email.domain == \"partner.example.org\"",
                   fmt::format("client in [\"192.0.{}.0/24\"]", i % 256), "auth_age > 12h"},
          .allow = {fmt::format("subject == \"owner-{}@example.com\"", i), fmt::format("roles has \"admin-{}\"", i),
                    fmt::format("claims.org.team == \"team-{}\" and method == \"GET\"", i),
                    "scopes has \"infer:all\" and path starts_with \"/v1/models/\"",
                    fmt::format("model in [\"m{}\", \"m{}\"]", i, i + 1),
                    "groups has_any [\"ml\", \"data\"] and method == \"POST\" and path ends_with \":predict\""}};
}

Principal somebody() {
  Principal principal;
  principal.subject = "248289761001";
  principal.email = "ada@example.com";
  principal.email_verified = true;
  for (int i = 0; i < 20; ++i) principal.groups.push_back(fmt::format("group-{:02}", i));
  principal.groups.emplace_back("ml");
  principal.roles = {"predictor", "reader"};
  principal.scopes = {"infer", "openid", "profile"};
  for (int i = 0; i < 15; ++i) principal.claims.push_back({fmt::format("claim{:02}", i), "value"});
  principal.claims.push_back({"org.team", "blue"});
  principal.auth_time = 1'795'000'000;
  return principal;
}

std::unique_ptr<const PolicySet> make_set(const std::vector<postern::config::Policy>& policies) {
  std::vector<postern::policy::Problem> problems;
  auto set = PolicySet::compile(policies, {}, problems);
  if (set) return set;
  fmt::print(stderr, "policy_bench: {}: {}\n", problems[0].key, problems[0].message);
  std::exit(1);
}

void run(benchmark::State& state, const std::vector<postern::config::Policy>& policies, bool hot) {
  const auto set = make_set(policies);
  const Principal principal = somebody();
  PolicyInput input;
  input.principal = &principal;
  input.method = "POST";
  input.host = "models.example.com";
  input.path = "/v1/models/resnet50:predict";
  input.model = "resnet50";
  input.client = *postern::http::parse_ip("10.1.2.3");
  input.listener = "public";
  input.now = 1'795'000'060;
  std::mt19937 random(7);
  std::vector<const Policy*> order;
  for (std::size_t i = 0; i < 20'000; ++i) order.push_back(&set->policies()[random() % policies.size()]);
  std::size_t at = 0;
  for (auto _ : state) {
    const auto decision = order[at]->evaluate(input);
    if (!decision.allowed) state.SkipWithError("refused");
    benchmark::DoNotOptimize(decision);
    if (!hot && ++at == order.size()) at = 0;
  }
}

std::vector<postern::config::Policy> many(std::size_t count) {
  std::vector<postern::config::Policy> policies;
  for (std::size_t i = 0; i < count; ++i) policies.push_back(ten_rules(i));
  return policies;
}

void BM_PolicyTenRules(benchmark::State& state) { run(state, many(static_cast<std::size_t>(state.range(0))), false); }
void BM_PolicyTenRulesHot(benchmark::State& state) { run(state, many(1'000), true); }
void BM_PolicyOneRule(benchmark::State& state) {
  run(state, {{.name = "p", .deny = {}, .allow = {"groups has \"ml\""}}}, true);
}
void BM_PolicyRegex(benchmark::State& state) {
  run(state, {{.name = "p", .deny = {}, .allow = {"path matches \"/v[12]/models/[a-z0-9]+:predict\""}}}, true);
}

BENCHMARK(BM_PolicyTenRules)->Arg(10)->Arg(1'000);
BENCHMARK(BM_PolicyTenRulesHot);
BENCHMARK(BM_PolicyOneRule);
BENCHMARK(BM_PolicyRegex);

}  // namespace
