// Settings of an upstream's health: active checks ([upstream.health]) and passive ejection ([upstream.ejection]).
// Part of Settings; see settings.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace postern::config {

enum class HealthKind : std::uint8_t { tcp, tls, http, grpc };
enum class HealthMethod : std::uint8_t { get, head, post, options };

struct UpstreamHealth {
  HealthKind kind = HealthKind::grpc;
  std::string service;  // grpc; empty: the server as a whole
  HealthMethod method = HealthMethod::get;
  std::string path;                          // http, with its query
  std::string host;                          // http; empty: the endpoint's
  std::vector<std::string> expected_status;  // http: "200", "200-299"
  std::string expected_body;                 // http: has to occur in the body; empty: any
  std::uint64_t max_body = 0;                // http: of the answer, as far as it is read
  std::uint32_t port = 0;                    // 0: the endpoint's
  std::chrono::milliseconds interval{};
  std::chrono::milliseconds fast_interval{};
  std::chrono::milliseconds timeout{};
  std::uint32_t unhealthy_after = 0;  // failed checks in a row
  std::uint32_t healthy_after = 0;    // passed checks in a row
};

struct UpstreamEjection {
  bool enabled = true;
  std::uint32_t consecutive_failures = 0;  // 0: does not count
  bool success_rate = true;
  std::chrono::milliseconds interval{};  // between two looks at success rates
  std::uint32_t min_requests = 0;        // of an endpoint in an interval, else its rate says nothing
  std::uint32_t min_endpoints = 0;       // with that many requests, else there is nothing to compare
  std::uint32_t deviations = 0;          // hundredths of the standard deviation below the mean
  std::chrono::milliseconds base_time{};
  std::chrono::milliseconds max_time{};
  std::uint32_t max_share = 0;  // percent of the endpoints
};

}  // namespace postern::config
