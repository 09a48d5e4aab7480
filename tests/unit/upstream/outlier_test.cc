// Who is ejected, who is not although it fails, for how long, and who comes back.
#include "upstream/outlier.h"

#include <gtest/gtest.h>

#include <cmath>

#include "upstream/ejector.h"

namespace postern::upstream {
namespace {

constexpr Nanoseconds kMs = 1'000'000;

class Outliers : public testing::Test {
 protected:
  void use(std::size_t endpoints) {
    std::vector<EndpointSpec> specs;
    for (std::size_t i = 0; i < endpoints; ++i) {
      const auto port = static_cast<std::uint16_t>(i + 1);
      specs.push_back({.name = "e" + std::to_string(i), .address = *net::ip_address("127.0.0.1", port), .zone = {}});
    }
    upstream_->assign(std::move(specs));
    set_ = upstream_->endpoints();
    counts_.clear();
    for (const auto& member : set_->members) counts_.push_back(member.state->outlier().join());
  }
  EndpointState& state(std::size_t i) { return *set_->members[i].state; }
  bool is_ejected(std::size_t i) { return state(i).is_out(OutReason::ejected); }
  std::size_t ejected() {
    std::size_t count = 0;
    for (std::size_t i = 0; i < set_->members.size(); ++i) count += is_ejected(i) ? 1 : 0;
    return count;
  }
  void record(Ejector& ejector, std::size_t i, TryOutcome outcome, int times = 1) {
    for (int n = 0; n < times; ++n) ejector.record(state(i), *counts_[i], outcome, now_ms_ * kMs);
  }
  void record(std::size_t i, TryOutcome outcome, int times = 1) {
    Ejector ejector(spec_, upstream_, row_);
    record(ejector, i, outcome, times);
  }
  /// How long the ejection lasts that this causes.
  std::int64_t eject(std::size_t i) {
    const auto event = eject_for_failures(*upstream_, state(i), spec_, now_ms_, 0);
    return event ? event->for_ms : 0;
  }
  std::size_t put_back() { return end_ejections(*upstream_, spec_, now_ms_).size(); }

  const std::shared_ptr<SharedUpstream> upstream_ = std::make_shared<SharedUpstream>("u");
  std::shared_ptr<const EndpointSet> set_;
  std::vector<std::shared_ptr<TryCounts>> counts_;
  EjectionSpec spec_;
  metrics::UpstreamRow row_{};
  std::int64_t now_ms_ = 1'000'000;
};

TEST_F(Outliers, FailuresInARowEject) {
  use(4);
  record(1, TryOutcome::timeout, 4);
  EXPECT_FALSE(is_ejected(1));
  const std::uint64_t epoch = upstream_->epoch();
  record(1, TryOutcome::error_status);
  EXPECT_TRUE(is_ejected(1));
  EXPECT_FALSE(state(1).is_usable());
  EXPECT_NE(upstream_->epoch(), epoch);
  EXPECT_EQ(row_.ejections[0].get(), 1u);
  record(1, TryOutcome::reset, 20);  // those that were under way
  EXPECT_EQ(row_.ejections[0].get(), 1u);
  EXPECT_EQ(ejected(), 1u);
}

TEST_F(Outliers, ASuccessBeginsTheRowAnew) {
  use(4);
  for (int i = 0; i < 10; ++i) {
    record(0, TryOutcome::connect_failed, 4);
    record(0, TryOutcome::ok);
  }
  EXPECT_FALSE(is_ejected(0));
  record(0, TryOutcome::connect_failed, 2);
  record(0, TryOutcome::cancelled, 10);  // says nothing, one way or the other
  record(0, TryOutcome::connect_failed, 2);
  EXPECT_FALSE(is_ejected(0));
  record(0, TryOutcome::connect_failed);
  EXPECT_TRUE(is_ejected(0));
}

TEST_F(Outliers, AllCoresCountTogether) {
  use(2);
  metrics::UpstreamRow other{};
  Ejector one(spec_, upstream_, row_), two(spec_, upstream_, other);
  record(one, 0, TryOutcome::reset, 3);
  record(two, 0, TryOutcome::reset, 2);
  EXPECT_TRUE(is_ejected(0));
  EXPECT_EQ(other.ejections[0].get(), 1u);
  EXPECT_EQ(row_.ejections[0].get(), 0u);
}

TEST_F(Outliers, ASingleEndpointStays) {
  use(1);
  record(0, TryOutcome::connect_failed, 100);
  EXPECT_FALSE(is_ejected(0));
}

TEST_F(Outliers, NoMoreThanTheShareGoes) {
  for (const auto& [endpoints, most] : std::initializer_list<std::pair<int, int>>{{2, 1}, {3, 1}, {4, 2}, {10, 5}}) {
    SCOPED_TRACE(endpoints);
    use(0);
    use(static_cast<std::size_t>(endpoints));
    for (int i = 0; i < endpoints; ++i) record(static_cast<std::size_t>(i), TryOutcome::reset, 50);
    EXPECT_EQ(ejected(), static_cast<std::size_t>(most));
  }
}

TEST_F(Outliers, TheLastUsableOneStays) {
  use(4);
  spec_.max_share = 100;
  state(1).take_out(OutReason::unhealthy);
  state(2).take_out(OutReason::unhealthy);
  record(0, TryOutcome::reset, 5);
  EXPECT_TRUE(is_ejected(0));
  record(3, TryOutcome::reset, 50);
  EXPECT_FALSE(is_ejected(3));
}

TEST_F(Outliers, ADeniedOneGoesWhenThereIsRoomAgain) {
  use(2);
  record(0, TryOutcome::reset, 5);
  record(1, TryOutcome::reset, 7);
  EXPECT_FALSE(is_ejected(1));
  now_ms_ += 40'000;
  EXPECT_EQ(put_back(), 1u);
  record(1, TryOutcome::reset, 3);
  EXPECT_TRUE(is_ejected(1));
}

TEST_F(Outliers, ComesBackWhenItsTimeIsOver) {
  use(3);
  EXPECT_EQ(eject(0), 30'000);
  now_ms_ += 29'999;
  EXPECT_EQ(put_back(), 0u);
  now_ms_ += 1;
  const std::uint64_t epoch = upstream_->epoch();
  const auto events = end_ejections(*upstream_, spec_, now_ms_);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].back);
  EXPECT_EQ(events[0].endpoint, "e0");
  EXPECT_NE(upstream_->epoch(), epoch);
  EXPECT_TRUE(state(0).is_usable());
  EXPECT_EQ(state(0).usable_since_ms(), now_ms_);  // it starts slowly
  EXPECT_EQ(put_back(), 0u);
}

TEST_F(Outliers, AnUnhealthyOneThatComesBackIsNotUsableYet) {
  use(3);
  EXPECT_GT(eject(0), 0);
  state(0).take_out(OutReason::unhealthy);
  now_ms_ += 30'000;
  EXPECT_EQ(put_back(), 1u);
  EXPECT_FALSE(state(0).is_usable());
  EXPECT_EQ(state(0).usable_since_ms(), 0);
}

TEST_F(Outliers, StaysAwayTwiceAsLongEachTime) {
  use(3);
  std::string terms;
  for (int i = 0; i < 7; ++i) {
    const std::int64_t length = eject(0);
    terms += std::to_string(length / 1000) + " ";
    now_ms_ += length;
    EXPECT_EQ(put_back(), 1u);
  }
  EXPECT_EQ(terms, "30 60 120 240 300 300 300 ");
  now_ms_ += 3 * 30'000;  // three quiet base times: three doublings less
  EXPECT_EQ(eject(0), 60'000);
  now_ms_ += 60'000;
  EXPECT_EQ(put_back(), 1u);
  now_ms_ += 86'400'000;
  EXPECT_EQ(eject(0), 30'000);
}

TEST_F(Outliers, LastsUpToATenthLonger) {
  use(40);
  spec_.max_share = 100;
  for (std::size_t i = 0; i < 39; ++i) {
    const auto event = eject_for_failures(*upstream_, state(i), spec_, now_ms_, i * 100);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->for_ms, 30'000 + static_cast<std::int64_t>(i * 100) % 3001);
  }
}

TEST_F(Outliers, DisabledPutsAllBack) {
  use(3);
  EXPECT_GT(eject(0), 0);
  spec_.enabled = false;
  EXPECT_EQ(put_back(), 1u);
  record(0, TryOutcome::reset, 50);
  EXPECT_EQ(ejected(), 0u);
  spec_ = {.consecutive_failures = 0};
  record(0, TryOutcome::reset, 50);
  EXPECT_EQ(ejected(), 0u);
}

TEST_F(Outliers, OneThatHasLeftTheSetIsLeftAlone) {
  use(3);
  const auto gone = set_;
  upstream_->assign({gone->members[1].spec, gone->members[2].spec});
  EXPECT_FALSE(eject_for_failures(*upstream_, *gone->members[0].state, spec_, now_ms_, 0));
  EXPECT_TRUE(gone->members[0].state->is_usable());
}

TEST(SuccessRate, LimitIsSoManyDeviationsBelowTheMean) {
  const double rates[] = {1.0, 0.9, 0.8, 0.9, 0.4};
  const RateLimit limit = success_rate_limit(rates, 1.9);
  EXPECT_NEAR(limit.mean, 0.8, 1e-12);
  EXPECT_NEAR(limit.lowest, 0.8 - 1.9 * std::sqrt(0.044), 1e-12);
  const double same[] = {0.7, 0.7, 0.7, 0.7, 0.7};
  EXPECT_NEAR(success_rate_limit(same, 1.9).lowest, 0.65, 1e-12);  // never nearer than that to the mean
  EXPECT_EQ(success_rate_limit({}, 1.9).lowest, 0);
}

class Rates : public Outliers {
 protected:
  /// So many of `total` requests pass at each endpoint.
  std::string look(std::initializer_list<int> passed, int total = 100) {
    std::size_t i = 0;
    for (const int count : passed) {
      counts_[i]->passed.add(static_cast<std::uint64_t>(count));
      counts_[i++]->failed.add(static_cast<std::uint64_t>(total - count));
    }
    std::string names;
    for (const EjectionEvent& event : eject_for_rates(*upstream_, spec_, now_ms_, 1)) names += event.endpoint + " ";
    return names;
  }
};

TEST_F(Rates, TheOneThatFailsMuchMoreOftenGoes) {
  use(6);
  EXPECT_EQ(look({100, 100, 99, 100, 60, 100}), "e4 ");
  EXPECT_TRUE(is_ejected(4));
  EXPECT_EQ(look({100, 100, 99, 100, 60, 100}), "");  // of those that are left nobody stands out
}

TEST_F(Rates, SmallDifferencesAreNone) {
  use(6);
  EXPECT_EQ(look({100, 100, 100, 100, 97, 100}), "");  // 2.2 deviations, but who would care
  EXPECT_EQ(look({0, 0, 0, 0, 0, 0}), "");             // all alike
}

TEST_F(Rates, NeedRequestsAndCompany) {
  use(6);
  EXPECT_EQ(look({99, 99, 99, 99, 0, 99}, 99), "");  // together with the next ones they would be enough:
  EXPECT_EQ(look({99, 99, 99, 99, 0, 99}, 99), "");  // each interval counts by itself
  spec_.min_endpoints = 7;
  EXPECT_EQ(look({100, 100, 100, 100, 0, 100}), "");
  spec_.min_endpoints = 6;
  EXPECT_EQ(look({100, 100, 100, 100, 0, 100}), "e4 ");
}

TEST_F(Rates, TheWorstGoFirstWhereNotAllMay) {
  use(10);
  spec_.max_share = 10;
  spec_.deviations = 1;
  EXPECT_EQ(look({100, 100, 100, 20, 100, 100, 10, 100, 100, 100}), "e6 ");
}

TEST_F(Rates, SwitchedOffTheyAreCountedAllTheSame) {
  use(6);
  spec_.success_rate = false;
  EXPECT_EQ(look({100, 100, 100, 100, 0, 100}), "");
  spec_.success_rate = true;
  EXPECT_EQ(look({50, 50, 50, 50, 50, 50}), "");
}

TEST(OutlierRecord, KeepsTheCountsOfCoresThatAreGone) {
  OutlierRecord record;
  auto one = record.join(), two = record.join();
  one->passed.add(3);
  two->failed.add(4);
  two.reset();
  OutlierRecord::Totals fresh = record.take_new();
  EXPECT_EQ(fresh.passed, 3u);
  EXPECT_EQ(fresh.failed, 4u);
  one->passed.add(2);
  one.reset();
  fresh = record.take_new();
  EXPECT_EQ(fresh.passed, 2u);
  EXPECT_EQ(fresh.failed, 0u);
}

}  // namespace
}  // namespace postern::upstream
