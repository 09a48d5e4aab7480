// What it costs to know a token again: the hash of all of it, the place, the comparison of every byte, and what may
// have changed since. Hot asks for one token, as a busy client does; Many for 10,000 in random order, so that memory is
// cold; Miss for a token that nobody has seen. Tokens have 600 bytes.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <random>
#include <string>
#include <vector>

#include "identity/token_cache.h"

namespace {

using namespace postern;
using namespace postern::identity;

std::string token_of(std::size_t n, std::size_t size = 600) {
  std::mt19937_64 random(n);
  std::string text = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.";
  while (text.size() < size) text += static_cast<char>('A' + random() % 26);
  return text;
}

struct Fixture {
  explicit Fixture(std::size_t count, std::size_t size = 600) {
    const KeyId keys[] = {1, 2, 3};
    live.set(0, keys);
    for (std::size_t i = 0; i < count; ++i) {
      tokens.push_back(token_of(i, size));
      Principal who;
      who.subject = fmt::format("user-{}@example.com", i);
      who.issuer_name = "corp";
      who.groups = {"a", "b"};
      cache.insert(tokens[i], cache.hash_of(tokens[i]), PrincipalPin(std::move(who)),
                   {.issuer = 0, .key = 2, .good_until = 5030}, present());
    }
  }
  TokenCache::Present present() { return {1000, 1, live, revoked}; }

  HashSeed seed = HashSeed::random();
  LiveKeys live;
  RevocationTable revoked{seed};
  TokenCache cache{seed, {}};
  std::vector<std::string> tokens;
};

void ask(benchmark::State& state, Fixture& f, const std::vector<std::string>& asked) {
  std::size_t i = 0;
  const std::uint64_t before = f.cache.counters().hits;
  for (auto _ : state) {
    const std::string& token = asked[i];
    i = i + 1 < asked.size() ? i + 1 : 0;
    const TokenCache::Present present = f.present();
    benchmark::DoNotOptimize(f.cache.find(token, f.cache.hash_of(token), present));
  }
  state.counters["hits"] =
      static_cast<double>(f.cache.counters().hits - before) / static_cast<double>(state.iterations());
}

void TokenCacheHot(benchmark::State& state) {
  Fixture f(10'000, static_cast<std::size_t>(state.range(0)));
  ask(state, f, {f.tokens[5000]});
}
BENCHMARK(TokenCacheHot)->Arg(300)->Arg(600)->Arg(1200);

void TokenCacheMany(benchmark::State& state) {
  Fixture f(10'000);
  std::vector<std::string> asked;
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) asked.push_back(f.tokens[random() % f.tokens.size()]);
  ask(state, f, asked);
}
BENCHMARK(TokenCacheMany);

void TokenCacheMiss(benchmark::State& state) {
  Fixture f(10'000);
  ask(state, f, {token_of(77'777)});
}
BENCHMARK(TokenCacheMiss);

void TokenCacheInsertWhenFull(benchmark::State& state) {
  Fixture f(16'384);
  std::string token = token_of(99'999);
  const PrincipalPin who{Principal{}};
  std::uint64_t n = 0;
  for (auto _ : state) {
    token.replace(100, 8, fmt::format("{:08}", n++ % 100'000'000));
    const TokenCache::Present present = f.present();
    f.cache.insert(token, f.cache.hash_of(token), who, {.issuer = 0, .key = 2, .good_until = 5000}, present);
  }
}
BENCHMARK(TokenCacheInsertWhenFull);

}  // namespace
