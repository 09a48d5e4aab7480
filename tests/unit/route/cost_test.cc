// Tables and requests made to be expensive: the bound holds by construction, and tables beyond it are refused.
#include <fmt/format.h>

#include <set>

#include "unit/route/routes.h"

namespace postern::route::test {
namespace {

// Every way to write a path of `depth` segments out of {literal, variable}: each request "/a/a/.../z" fails in all.
std::vector<config::Route> all_mixes(unsigned depth) {
  std::vector<config::Route> routes;
  for (unsigned bits = 0; bits < (1u << depth); ++bits) {
    std::string path;
    for (unsigned i = 0; i < depth; ++i) path += (bits >> i & 1) != 0 ? fmt::format("/{{v{}}}", i) : "/a";
    routes.push_back(RouteOf(fmt::format("r{}", bits), path + "/end"));
  }
  return routes;
}

std::string repeat(std::string_view text, unsigned times) {
  std::string result;
  for (unsigned i = 0; i < times; ++i) result += text;
  return result;
}

TEST(RouteCost, TablesBeyondTheBoundAreRefused) {
  const auto table = table_of(all_mixes(6));
  EXPECT_LE(table->worst_case_tries(), RouteTable::kMaxTries);
  EXPECT_EQ(found(*table, {repeat("/a", 6) + "/end"}), "r0");
  EXPECT_EQ(found(*table, {repeat("/b", 6) + "/end"}), "r63");
  EXPECT_EQ(found(*table, {repeat("/a", 6) + "/z"}), "404");
  const auto problems = problems_of(all_mixes(8));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].key, "route");
  EXPECT_NE(problems[0].message.find("the limit is 512"), std::string::npos);
}

TEST(RouteCost, ManyRoutesOfOneShapeCostNoMoreThanOne) {
  const auto tries = [](int count, const auto& make) {
    std::vector<config::Route> routes;
    for (int i = 10; i < count; ++i) routes.push_back(make(i));
    return table_of(routes)->worst_case_tries();
  };
  const auto pattern = [](int i) { return RouteOf(fmt::format("r{}", i), fmt::format("/m/{{x}}:op{:05}", i)); };
  const auto both = [](int i) { return RouteOf(fmt::format("r{}", i), fmt::format("/m/a{:05}-{{x}}:op{}", i, i % 7)); };
  const auto header = [](int i) {
    return RouteOf(fmt::format("r{}", i), "/m").headers({{"x-tenant", fmt::format("t{}", i)}});
  };
  const auto host = [](int i) { return RouteOf(fmt::format("r{}", i), "/m").hosts({fmt::format("*.h{}.com", i)}); };
  EXPECT_EQ(tries(12, pattern), tries(3000, pattern));
  EXPECT_EQ(tries(12, both), tries(3000, both));
  EXPECT_EQ(tries(12, header), tries(3000, header));
  EXPECT_EQ(tries(12, host), tries(3000, host));
}

TEST(RouteCost, ManyMethodSetsOnOnePathAreBounded) {
  std::vector<config::Route> routes;  // pairs out of 16 custom methods: each overlaps others, none hides another
  for (int a = 0; a < 16; ++a) {
    for (int b = 0; b < a; ++b) {
      const std::string name = fmt::format("X{}-X{}", char('A' + a), char('A' + b));
      routes.push_back(
          RouteOf(name, "/").methods({fmt::format("X{}", char('A' + a)), fmt::format("X{}", char('A' + b))}));
    }
  }
  const auto table = table_of(routes);
  EXPECT_GE(table->worst_case_tries(), 120u);
  EXPECT_EQ(found(*table, {"/", "XC"}), "XC-XA");
}

TEST(RouteCost, LongRequestsEndEarly) {
  const auto table = table_of({RouteOf("a", "/a/{x}/*"), RouteOf("b", "/{x}/b/{y}"), RouteOf("c", "/a/b/c/d/e")});
  EXPECT_EQ(found(*table, {repeat("/", 30'000)}), "404");
  EXPECT_EQ(found(*table, {repeat("/a", 30'000)}), "a");
  EXPECT_EQ(found(*table, {"/" + std::string(60'000, '%')}), "404");
}

TEST(RouteCost, TheHashIsKeyedPerTable) {
  const HashKey one = HashKey::random();
  const HashKey two = HashKey::random();
  EXPECT_NE(hash_of(one, 1, "models"), hash_of(two, 1, "models"));
  EXPECT_NE(hash_of(one, 1, "models"), hash_of(one, 2, "models"));
}

TEST(RouteCost, TheHashTellsShortTextsApart) {
  const HashKey key = HashKey::random();
  std::set<std::uint64_t> seen;
  std::size_t count = 0;
  for (std::size_t size = 0; size < 40; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {
      std::string text(size, '\0');
      if (at < size) text[at] = 1;
      seen.insert(hash_of(key, 7, text));
      ++count;
    }
  }
  EXPECT_EQ(seen.size(), count);
}

}  // namespace
}  // namespace postern::route::test
