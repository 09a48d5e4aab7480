// Limits as the pipeline meets them: whose bucket a request draws from, when it is refused and for how long, and what a
// reload leaves of it. Time is an argument.
#include "limit/core_limits.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "limit/fields.h"
#include "unit/base/count_allocations.h"

namespace postern::limit {
namespace {

constexpr Nanoseconds kMs = 1'000'000;
constexpr Nanoseconds kSecond = 1'000 * kMs;

config::Limit make_limit(std::vector<std::string> per = {}) {
  config::Limit limit;
  limit.name = "calls";
  limit.per = std::move(per);
  limit.interval = std::chrono::seconds(1);
  limit.max_keys = 1000;
  return limit;
}

http::Address address(const char* text) { return *http::parse_ip(text); }

/// One core with the limits of one generation.
struct Bench {
  explicit Bench(std::vector<config::Limit> limits, std::size_t cores = 1) { load(std::move(limits), cores); }

  void load(std::vector<config::Limit> limits, std::size_t cores = 1) {
    std::vector<std::string> names;
    for (const config::Limit& limit : limits) names.push_back(limit.name);
    book = registry.make_book(limits, cores);
    set = book->make_set(names);
    core.install(book);
  }
  bool take(const LimitInput& input = {}) {
    LimitGuard guard;
    return core.take(set, input, now, guard, refusal);
  }
  bool take(std::string_view subject, std::string_view model = {}, std::vector<std::string> groups = {}) {
    Principal who;
    who.subject = subject;
    who.issuer = "https://id.example";
    who.groups = std::move(groups);
    LimitInput input;
    input.principal = &who;
    input.model = model;
    return take(input);
  }
  int takes(int tries) {
    int taken = 0;
    for (int i = 0; i < tries; ++i) taken += take() ? 1 : 0;
    return taken;
  }

  LimitRegistry registry;
  std::shared_ptr<const LimitBook> book;
  LimitSet set;
  CoreLimits core;
  Refusal refusal;
  Nanoseconds now = 1000 * kSecond;
};

TEST(Limit, AllowsABurstAndThenTheRate) {
  config::Limit limit = make_limit();
  limit.requests = 10;
  limit.burst = 25;
  Bench bench({limit});
  EXPECT_EQ(bench.takes(100), 25);
  EXPECT_EQ(bench.refusal.budget, Budget::requests);
  EXPECT_EQ(bench.refusal.retry_after_s, 1u);
  bench.now += kSecond;
  EXPECT_EQ(bench.takes(100), 10);
  bench.now += 100 * kSecond;
  EXPECT_EQ(bench.takes(100), 25);
}

TEST(Limit, SaysHowLongToWait) {
  config::Limit limit = make_limit();
  limit.requests = 6;
  limit.interval = std::chrono::minutes(1);
  Bench bench({limit});
  EXPECT_EQ(bench.takes(10), 6);
  EXPECT_EQ(bench.refusal.retry_after_s, 10u);
  bench.now += 4 * kSecond;
  EXPECT_FALSE(bench.take());
  EXPECT_EQ(bench.refusal.retry_after_s, 6u);
  bench.now += 6 * kSecond;
  EXPECT_TRUE(bench.take());
}

TEST(Limit, CountsApartWhatTheConfigSays) {
  config::Limit limit = make_limit({"subject", "model"});
  limit.requests = 1;
  Bench bench({limit});
  EXPECT_TRUE(bench.take("alice", "resnet"));
  EXPECT_FALSE(bench.take("alice", "resnet"));
  EXPECT_TRUE(bench.take("alice", "bert"));
  EXPECT_TRUE(bench.take("bob", "resnet"));
  EXPECT_TRUE(bench.take("ali", "ceresnet")) << "texts run together";
}

TEST(Limit, SubjectsOfTwoIssuersAreTwo) {
  config::Limit limit = make_limit({"subject"});
  limit.requests = 1;
  Bench bench({limit});
  Principal one, other;
  one.subject = other.subject = "alice";
  one.issuer = "https://a";
  other.issuer = "https://b";
  LimitInput input;
  input.principal = &one;
  EXPECT_TRUE(bench.take(input));
  EXPECT_FALSE(bench.take(input));
  input.principal = &other;
  EXPECT_TRUE(bench.take(input));
}

TEST(Limit, WhoIsNotKnownSharesABucketWithAllOthers) {
  config::Limit limit = make_limit({"subject"});
  limit.requests = 2;
  Bench bench({limit});
  EXPECT_EQ(bench.takes(5), 2);
  EXPECT_TRUE(bench.take("alice"));
}

TEST(Limit, OfIPv6TheNetworkCounts) {
  config::Limit limit = make_limit({"client"});
  limit.requests = 1;
  Bench bench({limit});
  const auto take = [&](const char* text) {
    const http::Address from = address(text);
    LimitInput input;
    input.client = &from;
    return bench.take(input);
  };
  EXPECT_TRUE(take("2001:db8:1:2::1"));
  EXPECT_FALSE(take("2001:db8:1:2:ffff::7"));
  EXPECT_TRUE(take("2001:db8:1:3::1"));
  EXPECT_TRUE(take("192.0.2.1"));
  EXPECT_FALSE(take("::ffff:192.0.2.1"));
  EXPECT_TRUE(take("192.0.2.2"));
}

TEST(Limit, OnlyApiKeysCountAsSuch) {
  config::Limit limit = make_limit({"api_key"});
  limit.requests = 1;
  Bench bench({limit});
  Principal key, token;
  key.credential = CredentialKind::api_key;
  key.credential_id = "k1";
  token.credential = CredentialKind::jwt;
  token.credential_id = "k1";
  LimitInput input;
  input.principal = &key;
  EXPECT_TRUE(bench.take(input));
  EXPECT_FALSE(bench.take(input));
  input.principal = &token;
  EXPECT_TRUE(bench.take(input));
}

TEST(Limit, ACallerDrawsFromEachOfHisGroups) {
  config::Limit limit = make_limit({"group"});
  limit.requests = 2;
  Bench bench({limit});
  EXPECT_TRUE(bench.take("alice", "", {"ml", "ops"}));
  EXPECT_TRUE(bench.take("bob", "", {"ops"}));
  EXPECT_FALSE(bench.take("alice", "", {"ml", "ops"})) << "nothing is left of ops";
  EXPECT_TRUE(bench.take("carol", "", {"ml"})) << "and what was taken of ml has gone back";
  EXPECT_FALSE(bench.take("carol", "", {"ml"}));
}

TEST(Limit, ARefusalTakesNothingOfTheOtherLimits) {
  config::Limit wide = make_limit({"subject"}), narrow = make_limit();
  wide.name = "wide";
  wide.requests = 3;
  narrow.requests = 1;
  Bench bench({wide, narrow});
  EXPECT_TRUE(bench.take("alice"));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(bench.take("alice"));
  EXPECT_EQ(bench.refusal.limit->name(), "calls");
  bench.now += kSecond;
  EXPECT_TRUE(bench.take("alice"));
}

TEST(Limit, PlacesComeBackWhenRequestsEnd) {
  config::Limit limit = make_limit();
  limit.concurrent = 3;
  Bench bench({limit});
  std::vector<std::unique_ptr<LimitGuard>> guards;
  for (int i = 0; i < 3; ++i) {
    guards.push_back(std::make_unique<LimitGuard>());
    ASSERT_TRUE(bench.core.take(bench.set, {}, bench.now, *guards.back(), bench.refusal));
  }
  EXPECT_FALSE(bench.take());
  EXPECT_EQ(bench.refusal.budget, Budget::concurrent);
  bench.now += kSecond;
  EXPECT_FALSE(bench.take());
  guards.pop_back();
  bench.now += kSecond;
  EXPECT_TRUE(bench.take());
  bench.core.tick(bench.now);
  bench.core.tick(bench.now);
  EXPECT_TRUE(bench.take());
}

TEST(Limit, BodiesAreCountedWhetherAnnouncedOrNot) {
  config::Limit limit = make_limit();
  limit.body_bytes = 1000;
  Bench bench({limit});
  LimitInput input;
  input.has_body = true;
  input.body_bytes = 600;
  EXPECT_TRUE(bench.take(input));
  EXPECT_TRUE(bench.take(input)) << "there is something left: a body may be larger than that";
  EXPECT_FALSE(bench.take(input));
  EXPECT_EQ(bench.refusal.budget, Budget::body);
  EXPECT_TRUE(bench.take()) << "without a body";
  bench.now += 300 * kMs;  // 100 again
  input.body_bytes = 0;    // chunked
  LimitGuard guard;
  ASSERT_TRUE(bench.core.take(bench.set, input, bench.now, guard, bench.refusal));
  guard.charge_body(50, bench.now);
  EXPECT_TRUE(bench.take(input));
  guard.charge_body(2000, bench.now);
  EXPECT_FALSE(bench.take(input));
  EXPECT_EQ(bench.refusal.retry_after_s, 2u);
  guard.release();
  bench.now += 2 * kSecond;
  EXPECT_TRUE(bench.take(input));
}

TEST(Limit, AnAnnouncedBodyIsNotCountedTwice) {
  config::Limit limit = make_limit();
  limit.body_bytes = 1000;
  Bench bench({limit});
  LimitInput input;
  input.has_body = true;
  input.body_bytes = 500;
  for (int i = 0; i < 2; ++i) {
    LimitGuard guard;
    ASSERT_TRUE(bench.core.take(bench.set, input, bench.now, guard, bench.refusal));
    guard.charge_body(200, bench.now);
    guard.charge_body(300, bench.now);
  }
  EXPECT_FALSE(bench.take(input));
  bench.now += 100 * kMs;
  EXPECT_TRUE(bench.take(input)) << "more was counted than came";
}

TEST(LimitReload, CountsGoOnUnlessTheLimitHasChanged) {
  config::Limit limit = make_limit({"subject"});
  limit.requests = 5;
  limit.interval = std::chrono::hours(1);
  Bench bench({limit});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(bench.take("alice"));
  bench.load({limit});
  EXPECT_FALSE(bench.take("alice"));
  config::Limit other = make_limit();
  other.name = "other";
  other.requests = 1;
  bench.load({other, limit});
  EXPECT_FALSE(bench.take("alice"));
  limit.requests = 6;
  bench.load({limit});
  EXPECT_TRUE(bench.take("alice"));
}

TEST(LimitReload, RequestsOfTheGenerationBeforeGoOn) {
  config::Limit limit = make_limit();
  limit.concurrent = 1;
  Bench bench({limit});
  const std::shared_ptr<const LimitBook> before = bench.book;
  const LimitSet set = bench.set;
  LimitGuard guard;
  ASSERT_TRUE(bench.core.take(set, {}, bench.now, guard, bench.refusal));
  bench.load({});
  bench.core.tick(bench.now);
  LimitGuard other;
  EXPECT_FALSE(bench.core.take(set, {}, bench.now, other, bench.refusal));
  guard.release();
  bench.now += kSecond;
  EXPECT_TRUE(bench.core.take(set, {}, bench.now, other, bench.refusal));
  other.release();
}

TEST(LimitReload, ALimitThatIsGoneLeavesItsPlaceToAnother) {
  config::Limit limit = make_limit();
  limit.requests = 1;
  Bench bench({limit});
  for (int i = 0; i < 20; ++i) {
    limit.name = "limit" + std::to_string(i);
    bench.load({limit});
    EXPECT_TRUE(bench.take());
    EXPECT_LT(bench.set.limits[0]->slot(), 4u);
  }
}

TEST(Limit, TellsClientsWhereTheyStand) {
  config::Limit limit = make_limit();
  limit.name = "per-user";
  limit.requests = 100;
  limit.interval = std::chrono::minutes(1);
  limit.body_bytes = 1 << 20;
  limit.concurrent = 4;
  Bench bench({limit});
  EXPECT_EQ(bench.set.policy,
            "\"per-user\";q=100;w=60, \"per-user-body\";q=1048576;w=60;qu=\"content-bytes\", "
            "\"per-user-concurrent\";q=4;qu=\"concurrent-requests\"");
  std::array<char, 128> space;
  LimitGuard guard;
  ASSERT_TRUE(bench.core.take(bench.set, {}, bench.now, guard, bench.refusal));
  EXPECT_EQ(guard.write_rate_limit(space), "\"per-user\";r=99;t=1");
  guard.release();
  for (int i = 0; i < 99; ++i) ASSERT_TRUE(bench.take());
  ASSERT_FALSE(bench.take());
  EXPECT_EQ(write_rate_limit(bench.refusal, space), "\"per-user\";r=0;t=1");
  EXPECT_EQ(write_retry_after(bench.refusal, space), "1");
  limit.interval = std::chrono::milliseconds(100);
  std::string policy;
  limit.body_bytes = limit.concurrent = 0;
  append_policy(policy, limit);
  EXPECT_EQ(policy, "\"per-user\";q=100");
}

TEST(Limit, NothingIsAllocatedWhenWarm) {
  config::Limit subject = make_limit({"subject", "model", "client", "route"}), all = make_limit();
  subject.name = "subject";
  subject.requests = all.requests = 1'000'000;
  all.concurrent = 1000;
  all.body_bytes = 1'000'000'000;
  Bench bench({subject, all});
  const http::Address from = address("2001:db8::1");
  Principal who;
  who.subject = "alice";
  LimitInput input;
  input.principal = &who;
  input.client = &from;
  input.has_body = true;
  input.body_bytes = 1000;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(bench.take(input));
  test::start_counting_allocations();
  for (int i = 0; i < 1000; ++i) {
    bench.take(input);
    bench.now += kMs;
    if (i % 100 == 0) bench.core.tick(bench.now);
  }
  EXPECT_EQ(test::stop_counting_allocations(), 0u);
}

}  // namespace
}  // namespace postern::limit
