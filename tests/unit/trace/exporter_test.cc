// The exporter against a collector: batches, answers that say no, retries, drops, and an end in time.
#include "trace/exporter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "unit/net/scripted_server.h"

namespace postern::trace {
namespace {

using metrics::Event;

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

std::string status(const std::string& line, const std::string& fields = {}) {
  return "HTTP/1.1 " + line + "\r\n" + fields + "Content-Length: 0\r\n\r\n";
}

class ExporterTest : public testing::Test {
 protected:
  void start(std::uint16_t port, std::uint32_t batch = 10, std::uint32_t interval_ms = 10) {
    config::Trace trace;
    trace.service_name = "test";
    trace.otlp.emplace();
    trace.otlp->endpoint = "http://127.0.0.1:" + std::to_string(port) + "/v1/traces";
    trace.otlp->encoding = config::OtlpEncoding::json;
    trace.otlp->timeout = config::Duration(2'000);
    trace.otlp->interval = config::Duration(interval_ms);
    trace.otlp->batch = batch;
    trace.otlp->headers = {{"X-Key", "secret"}};
    exporter_.configure(export_options(trace, nullptr));
  }
  void record(int spans) {
    for (int i = 0; i < spans; ++i) {
      SpanRecord span;
      span.trace = {1, 2};
      span.span = 3;
      core_.record(span);
    }
  }
  bool await(Event event, std::uint64_t count) {
    for (int i = 0; i < 1'000 && registry_.get(event) < count; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return registry_.get(event) >= count;
  }

  metrics::MetricsRegistry registry_;
  Exporter exporter_{registry_, 64};
  CoreTracer& core_ = exporter_.add_core(registry_.add_core());
};

TEST_F(ExporterTest, SendsInBatches) {
  test::ScriptedServer collector({kOk});
  record(25);
  start(collector.port());
  ASSERT_TRUE(await(Event::spans_exported, 25));
  const auto requests = collector.requests();
  EXPECT_EQ(requests.size(), 3u);
  EXPECT_EQ(collector.connections(), 1);
  EXPECT_NE(requests[0].find("POST /v1/traces HTTP/1.1\r\n"), std::string::npos);
  EXPECT_NE(requests[0].find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_NE(requests[0].find("X-Key: secret\r\n"), std::string::npos);
  EXPECT_NE(requests[0].find(R"("stringValue":"test")"), std::string::npos);
}

TEST_F(ExporterTest, SendsAgainWhatMayPass) {
  test::ScriptedServer collector({status("503 No", "Retry-After: 0\r\n"), "", kOk});
  record(1);
  start(collector.port());
  ASSERT_TRUE(await(Event::spans_exported, 1));
  EXPECT_EQ(registry_.get(Event::trace_export_retried), 2u);
  const auto requests = collector.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0], requests[2]);
}

TEST_F(ExporterTest, GivesUpWhatWillNotPass) {
  test::ScriptedServer collector({status("400 Bad"), kOk});
  record(3);
  start(collector.port());
  ASSERT_TRUE(await(Event::spans_lost, 3));
  EXPECT_EQ(registry_.get(Event::trace_export_retried), 0u);
  record(1);
  EXPECT_TRUE(await(Event::spans_exported, 1));
}

TEST_F(ExporterTest, CountsWhatTheCollectorRefused) {
  test::ScriptedServer collector(
      {"HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n{\"partialSuccess\":{\"rejectedSpans\":\"2\"} }"});
  record(5);
  start(collector.port());
  ASSERT_TRUE(await(Event::spans_exported, 3));
  EXPECT_EQ(registry_.get(Event::spans_rejected), 2u);
}

TEST_F(ExporterTest, DropsWhatDoesNotFit) {
  test::ScriptedServer collector({"wait"});
  start(collector.port(), 10);
  record(10'000);  // returns: nobody waits
  exporter_.stop(std::chrono::milliseconds(50));
  EXPECT_LE(registry_.get(Event::spans_lost), 300u);
  EXPECT_GE(registry_.get(Event::spans_lost), 60u);
}

TEST_F(ExporterTest, SendsWhatIsLeftAtTheEnd) {
  test::ScriptedServer collector({kOk});
  start(collector.port(), 10, 60'000);
  record(25);
  exporter_.stop(std::chrono::seconds(2));
  EXPECT_EQ(registry_.get(Event::spans_exported), 25u);
}

TEST_F(ExporterTest, EndsInTimeWhoeverHangs) {
  test::ScriptedServer collector({"wait"});
  start(collector.port());
  record(5);
  ASSERT_TRUE(collector.await_requests(1));
  record(5);
  const auto started = std::chrono::steady_clock::now();
  exporter_.stop(std::chrono::milliseconds(100));
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(1));
  EXPECT_EQ(registry_.get(Event::spans_lost), 10u);
}

TEST_F(ExporterTest, TurnsToAnotherCollector) {
  test::ScriptedServer first({kOk});
  test::ScriptedServer second({kOk});
  start(first.port());
  record(1);
  ASSERT_TRUE(await(Event::spans_exported, 1));
  start(second.port());
  ASSERT_TRUE(second.requests().empty());
  record(1);
  ASSERT_TRUE(await(Event::spans_exported, 2));
  EXPECT_EQ(first.requests().size() + second.requests().size(), 2u);
  exporter_.configure(std::nullopt);
  record(1);
  exporter_.stop(std::chrono::seconds(1));
  EXPECT_EQ(registry_.get(Event::spans_exported) + registry_.get(Event::spans_lost), 3u);
}

}  // namespace
}  // namespace postern::trace
