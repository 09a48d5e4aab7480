// Keep-last-good, lists that change, TTLs: with a scripted DNS and a clock that only tests move.
#include "discovery/finder.h"

#include <gtest/gtest.h>

#include "discovery/kinds.h"
#include "unit/discovery/scripted_tools.h"

namespace postern::discovery {
namespace {

using Tools = ScriptedTools;

class FinderTest : public testing::Test {
 protected:
  Finder& start(config::Upstream settings, Finder::KnownNames known = {}) {
    finder_ = std::make_unique<Finder>("u", std::move(settings), tools_, row_, [this](const Endpoints& endpoints) {
      sets_.emplace_back();
      for (const ResolvedEndpoint& e : endpoints) sets_.back().push_back(e.address.text());
    });
    finder_->start(std::move(known), [this] { ++settled_; });
    tools_.settle();
    return *finder_;
  }
  static config::Upstream with(std::vector<std::string> endpoints) {
    config::Upstream settings = upstream_settings();
    settings.endpoints = std::move(endpoints);
    return settings;
  }
  std::uint64_t count(metrics::DiscoveryResult result) { return row_.results[static_cast<std::size_t>(result)]; }

  using Set = std::vector<std::string>;
  Tools tools_;
  metrics::DiscoveryRow row_;
  std::vector<Set> sets_;
  int settled_ = 0;
  std::unique_ptr<Finder> finder_;
};

TEST_F(FinderTest, GivesLiteralsAtOnceAndInOrder) {
  start(with({"10.0.0.2:80", "10.0.0.1:80", "[::1]:80", "unix:/run/x"}));
  EXPECT_EQ(sets_, (std::vector<Set>{{"10.0.0.2:80", "10.0.0.1:80", "[::1]:80", "unix:/run/x"}}));
  EXPECT_EQ(settled_, 1);
  EXPECT_EQ(row_.endpoints, 4u);
  EXPECT_TRUE(tools_.asked.empty());
}

TEST_F(FinderTest, TakesEveryAddressOfANameInAnOrderThatStays) {
  tools_.v4["m"] = Tools::addresses({"10.0.0.2", "10.0.0.1"});
  tools_.v6["m"] = Tools::addresses({"2001:db8::1"});
  start(with({"m:80", "10.0.0.9:80"}));
  EXPECT_EQ(sets_, (std::vector<Set>{{"10.0.0.1:80", "10.0.0.2:80", "[2001:db8::1]:80", "10.0.0.9:80"}}));
  tools_.v4["m"] = Tools::addresses({"10.0.0.1", "10.0.0.2"});
  tools_.advance(10'000);
  EXPECT_EQ(sets_.size(), 1u) << "a rotated answer is no other one";
  EXPECT_GE(count(metrics::DiscoveryResult::ok), 10u);
}

TEST_F(FinderTest, FollowsANameAsItsTtlSays) {
  tools_.v4["m"] = Tools::addresses({"10.0.0.1"}, 10);
  start(with({"m:80"}));
  tools_.v4["m"] = Tools::addresses({"10.0.0.2"}, 10);
  tools_.advance(9'999);
  EXPECT_EQ(sets_.size(), 1u);
  tools_.advance(1);
  EXPECT_EQ(sets_.back(), Set{"10.0.0.2:80"});
}

TEST_F(FinderTest, KeepsTheLastGoodSetWhateverIsWrong) {
  tools_.v4["m"] = Tools::addresses({"10.0.0.1"});
  start(with({"m:80"}));
  AddressAnswer useless = Tools::addresses({"0.0.0.0", "224.0.0.1", "255.255.255.255"});
  for (const AddressAnswer& bad : {Tools::absent(Absence::failed), Tools::absent(Absence::empty),
                                   Tools::absent(Absence::invalid), Tools::addresses({}), useless}) {
    tools_.v4["m"] = bad;
    tools_.advance(60'000);
    EXPECT_EQ(sets_.size(), 1u);
  }
  EXPECT_EQ(row_.endpoints, 1u);
  EXPECT_GE(count(metrics::DiscoveryResult::failed), 5u);
  EXPECT_GE(count(metrics::DiscoveryResult::empty), 5u);
  EXPECT_GE(count(metrics::DiscoveryResult::invalid), 5u);
  tools_.v4["m"] = Tools::addresses({"10.0.0.7"});
  tools_.advance(5'000);
  EXPECT_EQ(sets_.back(), Set{"10.0.0.7:80"});
}

TEST_F(FinderTest, KeepsOneFamilyWhileTheOtherFails) {
  tools_.v4["m"] = Tools::addresses({"10.0.0.1"});
  tools_.v6["m"] = Tools::addresses({"2001:db8::1"});
  start(with({"m:80"}));
  tools_.v4["m"] = Tools::addresses({"10.0.0.2"});
  tools_.v6["m"] = Tools::absent(Absence::failed);
  tools_.advance(1'000);
  EXPECT_EQ(sets_.back(), (Set{"10.0.0.2:80", "[2001:db8::1]:80"}));
  tools_.v6.erase("m");  // there are none any more, and that is an answer
  tools_.advance(1'000);
  EXPECT_EQ(sets_.back(), Set{"10.0.0.2:80"});
  tools_.v4["m"] = Tools::absent(Absence::failed);
  tools_.advance(60'000);
  EXPECT_EQ(sets_.back(), Set{"10.0.0.2:80"});
}

TEST_F(FinderTest, AsksForTheWantedFamilyOnly) {
  tools_.v4["m"] = Tools::addresses({"10.0.0.1"});
  tools_.v6["m"] = Tools::addresses({"2001:db8::1"});
  config::Upstream settings = with({"m:80"});
  settings.discovery.family = config::AddressFamily::ipv6;
  start(settings);
  EXPECT_EQ(sets_.back(), Set{"[2001:db8::1]:80"});
  EXPECT_EQ(tools_.asked.size(), 1u);
}

TEST_F(FinderTest, StartsWithoutAnyAnswerAndTriesAgainSoon) {
  start(with({"m:80"}));
  EXPECT_EQ(settled_, 1);
  EXPECT_TRUE(sets_.empty());
  EXPECT_EQ(tools_.next_timer_in(), Pace::kFirstRetryMs);
  tools_.advance(60'000);
  EXPECT_EQ(settled_, 1);
  EXPECT_LE(tools_.next_timer_in(), Pace::kLastRetryMs);
  EXPECT_LT(tools_.asked.size(), 60u);
  tools_.v4["m"] = Tools::addresses({"10.0.0.1"});
  tools_.advance(Pace::kLastRetryMs);
  EXPECT_EQ(sets_.back(), Set{"10.0.0.1:80"});
}

TEST_F(FinderTest, GivesWhatIsThereWhenSomeNamesAreNot) {
  tools_.v4["a"] = Tools::addresses({"10.0.0.1"});
  start(with({"a:80", "b:80"}));
  EXPECT_EQ(sets_, (std::vector<Set>{{"10.0.0.1:80"}}));
  tools_.v4["b"] = Tools::addresses({"10.0.0.2"});
  tools_.advance(5'000);
  EXPECT_EQ(sets_.back(), (Set{"10.0.0.1:80", "10.0.0.2:80"}));
}

TEST_F(FinderTest, TakesOverWhatTheOneBeforeKnew) {
  tools_.v4["a"] = Tools::addresses({"10.0.0.1"});
  Finder::KnownNames known = start(with({"a:80"})).known();
  tools_.v4["a"] = Tools::absent(Absence::failed);
  sets_.clear();
  start(with({"a:81", "b:80"}), known);
  EXPECT_EQ(sets_, (std::vector<Set>{{"10.0.0.1:81"}}));
}

TEST_F(FinderTest, IsLimited) {
  AddressAnswer many;
  many.ttl_s = 1;
  for (unsigned i = 0; i < 3000; ++i) {
    http::Address a;
    a.size = 4;
    a.bytes = {10, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
    many.addresses.push_back(a);
  }
  tools_.v4["m"] = many;
  start(with({"m:80", "m:81"}));
  EXPECT_EQ(sets_.back().size(), 1024u);
}

ServiceAnswer records(std::vector<ServiceRecord> list, std::uint32_t ttl_s = 1) {
  ServiceAnswer answer;
  answer.records = std::move(list);
  answer.ttl_s = ttl_s;
  return answer;
}

TEST_F(FinderTest, KeepsTheOldServiceUntilTheNewOnesNamesAnswer) {
  config::Upstream settings = upstream_settings("srv");
  settings.discovery.name = "_http._tcp.m";
  tools_.services["_http._tcp.m"] = records({{"a", 80, 0, 0}});
  tools_.v4["a"] = Tools::addresses({"10.0.0.1"});
  start(settings);
  EXPECT_EQ(sets_, (std::vector<Set>{{"10.0.0.1:80"}}));
  tools_.services["_http._tcp.m"] = records({{"b", 80, 0, 0}});  // which does not resolve
  tools_.advance(10'000);
  EXPECT_EQ(sets_.size(), 1u);
  tools_.v4["b"] = Tools::addresses({"10.0.0.2"});
  tools_.advance(5'000);
  EXPECT_EQ(sets_.back(), Set{"10.0.0.2:80"});
  ServiceAnswer none;
  none.absence = Absence::empty;
  tools_.services["_http._tcp.m"] = none;
  tools_.advance(60'000);
  EXPECT_EQ(sets_.size(), 2u);
  const auto asked_for_a = std::count(tools_.asked.begin() + 20, tools_.asked.end(), "a");
  EXPECT_EQ(asked_for_a, 0) << "nobody needs that name any more";
}

TEST_F(FinderTest, TellsNobodyAnythingOnceItIsGone) {
  tools_.v4["m"] = Tools::addresses({"10.0.0.1"});
  finder_ = std::make_unique<Finder>("u", with({"m:80"}), tools_, row_, [](const Endpoints&) { FAIL(); });
  finder_->start({}, [] { FAIL(); });
  finder_.reset();
  tools_.advance(60'000);
}

// Every source there is: what is the same for all of them.
TEST(DiscoveryKinds, AreNamedAndFindable) {
  std::set<std::string_view> names;
  for (const DiscoveryKind* kind : kinds()) {
    EXPECT_TRUE(names.insert(kind->name).second) << kind->name;
    EXPECT_FALSE(kind->doc.empty());
    ASSERT_NE(kind->check, nullptr);
    ASSERT_NE(kind->make, nullptr);
    EXPECT_EQ(find_kind(kind->name), kind);
  }
  EXPECT_TRUE(names.contains("static"));
  EXPECT_EQ(find_kind("nothing"), nullptr);
}

TEST(DiscoveryKinds, WantTheirKeysAndNoOthers) {
  for (const DiscoveryKind* kind : kinds()) {
    config::Upstream settings = upstream_settings(std::string(kind->name));
    settings.endpoints = {"10.0.0.1:80"};
    settings.discovery.name = "-";
    settings.discovery.file = "x";
    const std::optional<DiscoveryProblem> problem = kind->check(settings);
    ASSERT_TRUE(problem) << kind->name;
    EXPECT_TRUE(problem->key.starts_with("discovery.")) << kind->name;
    EXPECT_FALSE(problem->message.empty());
  }
}

TEST(DiscoveryKinds, MayEndAtAnyTime) {
  for (const DiscoveryKind* kind : kinds()) {
    config::Upstream settings = upstream_settings(std::string(kind->name));
    settings.endpoints = {"m:80"};
    settings.discovery.name = kind->name == "dns" ? "m:80" : "_m._tcp.x";
    settings.discovery.file = "/nonexistent/endpoints.json";
    for (const std::int64_t after : {0, 1, 300, 70'000}) {
      ScriptedTools tools;
      tools.v4["m"] = ScriptedTools::addresses({"10.0.0.1"});
      tools.services["_m._tcp.x"] = records({{"m", 80, 0, 0}});
      metrics::DiscoveryRow row;
      auto finder = std::make_unique<Finder>("u", settings, tools, row, [](const Endpoints&) {});
      finder->start({}, [] {});
      if (after != 0) tools.advance(after);
      finder->refresh();
      finder.reset();
      tools.advance(10'000);
      EXPECT_EQ(tools.next_timer_in(), -1) << kind->name;
    }
  }
}

}  // namespace
}  // namespace postern::discovery
