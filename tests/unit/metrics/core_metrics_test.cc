// Slots, growth and the counting itself, also while somebody reads.
#include "metrics/core_metrics.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>

#include "metrics/collector.h"
#include "metrics/registry.h"

namespace postern::metrics {
namespace {

TEST(MetricsRegistry, NameKeepsItsSlot) {
  MetricsRegistry registry;
  const Slot slot = registry.route("predict");
  EXPECT_GT(slot, kOtherSlot);
  EXPECT_NE(registry.route("other"), slot);
  EXPECT_EQ(registry.route("predict"), slot);
  EXPECT_EQ(registry.upstream("predict"), registry.listener("predict")) << "kinds count on their own";
  EXPECT_EQ(registry.counts().routes, 4U);
}

TEST(MetricsRegistry, NamesBeyondTheCapShareOneSlot) {
  MetricsRegistry registry;
  for (std::size_t i = 0; i < kMaxNames; ++i) EXPECT_GT(registry.route("r" + std::to_string(i)), kOtherSlot);
  EXPECT_EQ(registry.route("one too many"), kOtherSlot);
  EXPECT_GT(registry.route("r17"), kOtherSlot);
  CoreMetrics& core = registry.add_core();
  core.prepare(registry.counts());
  core.route(static_cast<Slot>(kMaxNames + 1)).requests[2].add();
}

TEST(CoreMetrics, RowsNeverMoveWhenTheyGrow) {
  CoreMetrics core;
  core.prepare({10, 2, 2});
  RouteRow* row = &core.route(9);
  row->requests[2].add(7);
  core.prepare({kMaxNames, 100, 100});
  EXPECT_EQ(&core.route(9), row);
  EXPECT_EQ(core.route(9).requests[2].get(), 7U);
}

TEST(CoreMetrics, UnpreparedSlotCountsAsOther) {
  CoreMetrics core;
  EXPECT_EQ(&core.route(5000), &core.route(kOtherSlot));
  EXPECT_EQ(&core.route(65535), &core.route(kOtherSlot));
}

TEST(CoreMetrics, StatusFallsIntoItsClass) {
  EXPECT_EQ(status_class(0), 0U);
  EXPECT_EQ(status_class(99), 0U);
  EXPECT_EQ(status_class(101), 1U);
  EXPECT_EQ(status_class(599), 5U);
  EXPECT_EQ(status_class(600), 0U);
}

TEST(Kinds, EveryValueHasItsOwnName) {
  const auto check = [](auto kind) {
    using Kind = decltype(kind);
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < kCount<Kind>; ++i) {
      const std::string_view name = to_string(static_cast<Kind>(i));
      EXPECT_FALSE(name.empty()) << i;
      EXPECT_TRUE(names.insert(name).second) << name;
    }
  };
  check(Reason{});
  check(Rejection{});
  check(HandshakeFailure{});
  check(UpstreamError{});
  EXPECT_EQ(to_string(Reason::internal), "internal");
  EXPECT_EQ(to_string(Reason::not_found), "not_found");
  EXPECT_EQ(to_string(Reason::upstream_truncated), "upstream_truncated");
  EXPECT_EQ(to_string(UpstreamError::stale), "stale");
  EXPECT_EQ(to_string(HandshakeFailure::not_tls), "not_tls");
}

/// For TSan: cores count and grow while a scrape walks over them; nothing is lost in the end.
TEST(CoreMetrics, ConcurrentScrape) {
  constexpr int kRequests = 20'000;
  MetricsRegistry registry;
  const Collector collector(registry, {"1", "epoll"});
  CoreMetrics* cores[] = {&registry.add_core(), &registry.add_core()};
  std::atomic<int> running{2};
  std::vector<std::jthread> threads;
  for (CoreMetrics* core : cores) {
    threads.emplace_back([core, &running, &registry] {
      for (int i = 0; i < kRequests; ++i) {
        if (i % 1000 == 0) {
          registry.route("r" + std::to_string(i));
          core->prepare(registry.counts());
        }
        core->request_started();
        core->request_finished(core->route(kNoneSlot), 404, Reason::not_found, i, 1, 2);
      }
      --running;
    });
  }
  while (running > 0) EXPECT_FALSE(collector.Collect().empty());
  threads.clear();
  const std::string text = to_text(collector);
  EXPECT_NE(text.find("postern_requests_total{route=\"_none\",status_class=\"4xx\"} 40000\n"), std::string::npos);
  EXPECT_NE(text.find("postern_requests_in_flight 0\n"), std::string::npos);
  EXPECT_NE(text.find("postern_responses_total{code=\"404\"} 40000\n"), std::string::npos);
  EXPECT_NE(text.find("postern_request_errors_total{reason=\"not_found\"} 40000\n"), std::string::npos);
}

}  // namespace
}  // namespace postern::metrics
