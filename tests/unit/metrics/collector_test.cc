// What a scrape says, and that its reference says the same.
#include "metrics/collector.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "base/clock.h"
#include "metrics/table.h"

namespace postern::metrics {
namespace {

class CollectorTest : public ::testing::Test {
 protected:
  MetricsRegistry registry_;
  CoreMetrics& first_ = registry_.add_core();
  CoreMetrics& second_ = registry_.add_core();
  Collector collector_{registry_, {"0.1.0", "epoll"}};

  void prepare() {
    first_.prepare(registry_.counts());
    second_.prepare(registry_.counts());
  }
  void expect_line(const std::string& line) {
    const std::string text = to_text(collector_);
    EXPECT_NE(('\n' + text).find('\n' + line + '\n'), std::string::npos) << line << "\nnot in\n" << text;
  }
};

TEST_F(CollectorTest, AddsTheCoresUp) {
  const Slot slot = registry_.route("predict");
  prepare();
  for (CoreMetrics* core : {&first_, &second_}) {
    core->request_started();
    core->request_started();
    core->request_finished(core->route(slot), 200, Reason::none, 100'000, 10, 20);
  }
  expect_line("postern_requests_total{route=\"predict\",status_class=\"2xx\"} 2");
  expect_line("postern_requests_total{route=\"predict\",status_class=\"5xx\"} 0");
  expect_line("postern_request_body_bytes_total{route=\"predict\"} 20");
  expect_line("postern_response_body_bytes_total{route=\"predict\"} 40");
  expect_line("postern_requests_in_flight 2");
  expect_line("postern_workers 2");
  expect_line("postern_build_info{version=\"0.1.0\",engine=\"epoll\"} 1");
}

TEST_F(CollectorTest, HistogramIsCumulativeAndEndsInTheCount) {
  const Slot slot = registry_.route("predict");
  prepare();
  first_.route(slot).duration.record(50'000);
  second_.route(slot).duration.record(100'000);
  second_.route(slot).duration.record(3'600'000'000'000);  // an hour: above the last edge
  expect_line("postern_request_duration_seconds_bucket{route=\"predict\",le=\"6.4e-05\"} 1");
  expect_line("postern_request_duration_seconds_bucket{route=\"predict\",le=\"0.000128\"} 2");
  expect_line("postern_request_duration_seconds_bucket{route=\"predict\",le=\"536.870912\"} 2");
  expect_line("postern_request_duration_seconds_bucket{route=\"predict\",le=\"+Inf\"} 3");
  expect_line("postern_request_duration_seconds_count{route=\"predict\"} 3");
  expect_line("postern_request_duration_seconds_sum{route=\"predict\"} 3600.00015");
}

TEST_F(CollectorTest, UpstreamsAndListeners) {
  const Slot upstream = registry_.upstream("models");
  const Slot listener = registry_.listener("public");
  prepare();
  first_.upstream(upstream).connects.add();
  first_.upstream(upstream).connect_ns.add(1'500'000);
  first_.upstream(upstream).open.add(3);
  second_.upstream(upstream).open.add(2);
  second_.upstream(upstream).open.sub();
  second_.upstream(upstream).failed(UpstreamError::stale);
  first_.listener(listener).accepted.add(5);
  first_.listener(listener).open.add(5);
  first_.listener(listener).reject(Rejection::limit);
  first_.listener(listener).handshake_failed(HandshakeFailure::no_common);
  first_.listener(listener).handshakes_resumed.add(4);
  expect_line("postern_upstream_connects_total{upstream=\"models\"} 1");
  expect_line("postern_upstream_connect_seconds_total{upstream=\"models\"} 0.0015");
  expect_line("postern_upstream_connections_open{upstream=\"models\"} 4");
  expect_line("postern_upstream_errors_total{upstream=\"models\",reason=\"stale\"} 1");
  expect_line("postern_connections_total{listener=\"public\"} 5");
  expect_line("postern_connections_open{listener=\"public\"} 5");
  expect_line("postern_connections_rejected_total{listener=\"public\",reason=\"limit\"} 1");
  expect_line("postern_tls_handshakes_total{listener=\"public\",kind=\"resumed\"} 4");
  expect_line("postern_tls_handshake_failures_total{listener=\"public\",reason=\"no_common\"} 1");
}

TEST_F(CollectorTest, CountsOfTheProcess) {
  registry_.count(Event::reload_failed);
  registry_.count(Event::access_log_lost, 3);
  registry_.set(Gauge::config_generation, 7);
  first_.access_log_dropped();
  expect_line("postern_config_reloads_total{result=\"failed\"} 1");
  expect_line("postern_config_generation 7");
  expect_line("postern_access_log_dropped_total{stage=\"ring\"} 1");
  expect_line("postern_access_log_dropped_total{stage=\"write\"} 3");
  const std::string text = to_text(collector_);
  for (const char* name : {"process_cpu_seconds_total ", "process_resident_memory_bytes ", "process_open_fds ",
                           "process_start_time_seconds ", "process_threads "}) {
    EXPECT_NE(text.find(std::string("\n") + name), std::string::npos) << name;
  }
}

TEST_F(CollectorTest, SpansAndDrift) {
  registry_.count(Event::spans_exported, 5);
  registry_.count(Event::trace_export_retried);
  first_.span_dropped();
  second_.span_dropped();
  registry_.set_drift({{"models", "bert", 1.25, 2.5}});
  expect_line("postern_trace_spans_total{result=\"exported\"} 5");
  expect_line("postern_trace_spans_total{result=\"dropped\"} 2");
  expect_line("postern_trace_exports_total{result=\"retried\"} 1");
  expect_line("postern_latency_drift_ratio{upstream=\"models\",model=\"bert\",quantile=\"0.5\"} 1.25");
  expect_line("postern_latency_drift_ratio{upstream=\"models\",model=\"bert\",quantile=\"0.95\"} 2.5");
}

TEST_F(CollectorTest, LabelsAreEscaped) {
  registry_.route("a\"b\\c\nd");
  prepare();
  expect_line("postern_requests_total{route=\"a\\\"b\\\\c\\nd\",status_class=\"2xx\"} 0");
}

TEST_F(CollectorTest, OfManyNamesOnlyBusyOnesShow) {
  for (int i = 0; i < 1000; ++i) registry_.route("r" + std::to_string(i));
  prepare();
  second_.route(registry_.route("r777")).finished(200, 1, 0, 0);
  const std::string text = to_text(collector_);
  EXPECT_NE(text.find("route=\"r777\""), std::string::npos);
  EXPECT_EQ(text.find("route=\"r778\""), std::string::npos);
}

TEST_F(CollectorTest, HealthIsShownWhereItIsChecked) {
  const Slot slot = registry_.upstream("u");
  prepare();
  EXPECT_EQ(to_text(collector_).find("health_checks"), std::string::npos);
  for (CoreMetrics* core : {&first_, &second_}) {
    core->upstream(slot).checks[static_cast<std::size_t>(HealthResult::timeout)].add(3);
    core->upstream(slot).panic_picks.add();
  }
  first_.upstream(slot).unhealthy.set(1);
  second_.upstream(slot).unhealthy.set(2);
  expect_line("postern_upstream_health_checks_total{upstream=\"u\",result=\"timeout\"} 6");
  expect_line("postern_upstream_health_checks_total{upstream=\"u\",result=\"serving\"} 0");
  expect_line("postern_upstream_endpoints_unhealthy{upstream=\"u\"} 2");
  expect_line("postern_upstream_panic_picks_total{upstream=\"u\"} 2");
}

TEST_F(CollectorTest, EjectionsAreShownOnceThereWereSome) {
  const Slot slot = registry_.upstream("u");
  prepare();
  EXPECT_EQ(to_text(collector_).find("ejections"), std::string::npos);
  first_.upstream(slot).ejections[static_cast<std::size_t>(Ejection::success_rate)].add();
  second_.upstream(slot).ejected.set(1);
  expect_line("postern_upstream_ejections_total{upstream=\"u\",reason=\"success_rate\"} 1");
  expect_line("postern_upstream_ejections_total{upstream=\"u\",reason=\"consecutive_failures\"} 0");
  expect_line("postern_upstream_endpoints_ejected{upstream=\"u\"} 1");
}

TEST_F(CollectorTest, TellsOfDiscoveryWhereThereIsAny) {
  DiscoveryRow& row = registry_.discovery("u");
  row.endpoints = 2;
  row.add(DiscoveryResult::failed);
  expect_line("postern_upstream_endpoints{upstream=\"u\"} 2");
  EXPECT_EQ(to_text(collector_).find("postern_upstream_discovery"), std::string::npos);
  row.used = true;
  expect_line("postern_upstream_discovery_total{upstream=\"u\",result=\"failed\"} 1");
  EXPECT_EQ(to_text(collector_).find("postern_upstream_discovery_age_seconds"), std::string::npos)
      << "nothing good so far";
  row.good_at = coarse_now_ms();
  EXPECT_NE(to_text(collector_).find("postern_upstream_discovery_age_seconds"), std::string::npos);
}

TEST_F(CollectorTest, EveryFamilyIsSampledAndTyped) {
  registry_.route("r");
  const Slot upstream = registry_.upstream("u");
  registry_.listener("l");
  prepare();
  first_.access(kNoneSlot).judged(AccessResult::denied);  // shown only where somebody is asked
  registry_.set_identity({{.stream = "main"}}, {{.issuer = "corp"}});
  registry_.set_questions({{.issuer = "corp"}}, {{.issuer = "corp"}});
  first_.upstream(upstream).checks[0].add();  // shown only where there are checks
  first_.upstream(upstream).ejections[0].add();
  first_.upstream(upstream).hedged(HedgeResult::won);
  first_.upstream(upstream).queued(QueueResult::passed);
  first_.upstream(upstream).full.add();
  first_.upstream(upstream).limit.add();
  DiscoveryRow& discovery = registry_.discovery("u");
  discovery.used = true;  // shown only where endpoints are looked for
  discovery.good_at = 1;
  registry_.set_drift({{"u", "bert", 1.25, 2.5}});
  registry_.discovery("u").used = true;
  registry_.discovery("u").good_at = 1;
  first_.request_started();
  first_.request_finished(first_.route(kNoneSlot), 404, Reason::not_found, 1, 0, 0);
  const auto collected = collector_.Collect();
  std::set<std::string> names;
  for (const auto& family : collected) names.insert(family.name);
  for (const FamilyInfo& family : families()) EXPECT_TRUE(names.contains(std::string(family.name))) << family.name;
}

TEST(MetricsTable, NamesFollowTheRules) {
  std::set<std::string_view> names;
  for (const FamilyInfo& family : families()) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_TRUE(family.name.starts_with("postern_") || family.name.starts_with("process_"));
    EXPECT_EQ(family.type == Type::counter, family.name.ends_with("_total")) << family.name;
    EXPECT_TRUE(family.help.ends_with('.')) << family.name;
  }
}

TEST(MetricsTable, ReferenceIsUpToDate) {
  std::ifstream file(POSTERN_SOURCE_DIR "/docs/metrics.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), reference_markdown()) << "write that into docs/metrics.md:\n" << reference_markdown();
}

}  // namespace
}  // namespace postern::metrics
