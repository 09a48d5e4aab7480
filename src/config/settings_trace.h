// Settings of tracing, Server-Timing and latency drift, as plain values. Part of settings.h; see there.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace postern::config {

using Duration = std::chrono::milliseconds;
using NameValues = std::vector<std::pair<std::string, std::string>>;

enum class TraceTrust : std::uint8_t { trusted, always, never };
enum class ServerTiming : std::uint8_t { never, on_request, always };
enum class OtlpEncoding : std::uint8_t { protobuf, json };
enum class OtlpCompression : std::uint8_t { none, gzip };

/// TLS towards the collector, for endpoints that begin with https.
struct OtlpTls {
  std::string ca;   // PEM file; empty: the system's
  std::string sni;  // empty: the endpoint's host name
  std::string cert;
  std::string key;
};

struct TraceOtlp {
  std::string endpoint;
  OtlpEncoding encoding = OtlpEncoding::protobuf;
  OtlpCompression compression = OtlpCompression::none;
  NameValues headers;
  Duration timeout{};
  Duration interval{};
  std::uint32_t batch = 0;  // spans
  std::uint32_t queue = 0;  // spans per core
  OtlpTls tls;
};

struct Trace {
  std::vector<std::string> extract;  // in the order in which they are looked for
  std::vector<std::string> inject;
  std::string sample;  // "1%"; share_of() reads it
  std::string service_name;
  NameValues resource;
  std::optional<TraceOtlp> otlp;  // none: contexts are passed on, spans go nowhere
};

struct Drift {
  Duration interval{};
  Duration fast{};  // half-life
  Duration slow{};  // half-life
  std::uint32_t part_percent = 0;
  std::uint32_t meet_percent = 0;
  std::uint32_t min_requests = 0;
  std::uint32_t max_models = 0;  // per upstream
};

}  // namespace postern::config
