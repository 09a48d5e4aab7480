// Settings of what happens when an upstream fails or is full: retries, hedges, circuits, queues, limits that adapt.
// Part of settings.h; see there.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace postern::config {

enum class RetryWhen : std::uint8_t { never, idempotent, always };

/// What a try may end with that another one could mend; in the order of the words in `on`.
enum class RetryOn : std::uint8_t {
  connect,         // no connection: nothing was sent
  stale,           // a kept connection that turned out to be closed
  refused_stream,  // HTTP/2: the endpoint says that it did nothing
  reset,           // any connection that broke before a byte of the answer
  timeout,
  unavailable,  // gRPC: an answer without messages, status UNAVAILABLE
  status_429,
  status_500,
  status_502,
  status_503,
  status_504,
  count_,
};

struct RouteRetry {
  RetryWhen when = RetryWhen::idempotent;
  std::uint32_t attempts = 3;  // the first one included
  std::vector<std::string> on;
  std::chrono::milliseconds try_timeout{};  // 0: none
  std::chrono::milliseconds backoff{};
  std::chrono::milliseconds max_retry_after{};
  std::uint32_t budget = 10;       // percent of the upstream's requests
  std::uint32_t budget_floor = 3;  // a second, whatever the traffic is
};

struct RouteHedge {
  std::string after;         // "p95" or "200ms"
  std::uint32_t budget = 2;  // percent of the upstream's requests
};

/// Per endpoint, of all workers together; 0: no limit.
struct UpstreamCircuit {
  std::uint32_t max_connections = 0;
  std::uint32_t max_in_flight = 0;
};

struct UpstreamQueue {
  std::uint32_t max_waiting = 0;
  std::chrono::milliseconds max_wait{};
};

/// Per endpoint and worker.
struct UpstreamAdaptive {
  std::uint32_t initial = 0;
  std::uint32_t min = 0;
  std::uint32_t max = 0;
  std::uint32_t tolerance = 0;  // percent of the latency without load
};

}  // namespace postern::config
