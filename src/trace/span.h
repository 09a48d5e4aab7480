// One finished span as values, and its way through a ring: raw copies on the core, OTLP on the exporter's thread.
// append() is all that a recorded request pays per span.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/byte_ring.h"
#include "trace/context.h"

namespace postern::trace {

enum class SpanKind : std::uint8_t { internal = 1, server = 2, client = 3 };  // as OTLP numbers them

/// Views need to live for the call of append() only. Empty texts and zeros mean "there was none".
struct SpanRecord {
  TraceId trace;
  SpanId span = 0;
  SpanId parent = 0;
  TraceId link_trace;  // another trace that this request belongs to
  SpanId link_span = 0;
  std::int64_t start_ns = 0;  // Unix time
  std::int64_t end_ns = 0;
  std::uint16_t status = 0;  // HTTP
  std::uint16_t resend = 0;  // of tries: how many were before
  std::uint8_t http_major = 0;
  std::uint8_t http_minor = 0;
  SpanKind kind = SpanKind::internal;
  bool failed = false;

  std::string_view method;
  std::string_view template_path;  // the route's
  std::string_view phase;          // of internal spans: their name
  std::string_view path;           // without the query, which may hold secrets
  std::string_view scheme;
  std::string_view host;  // of tries: the endpoint
  std::string_view client;
  std::string_view user_agent;
  std::string_view listener;
  std::string_view route;
  std::string_view upstream;
  std::string_view model;
  std::string_view request_id;
  std::string_view error;
  std::string_view state;  // tracestate
};

/// Which text becomes which attribute; texts without a key stand elsewhere in a span.
struct SpanText {
  std::string_view SpanRecord::*view;
  std::uint16_t limit;  // bytes; what is longer is cut
  std::string_view key;
};

inline constexpr std::array kSpanTexts = {
    SpanText{&SpanRecord::method, 32, "http.request.method"},
    SpanText{&SpanRecord::template_path, 512, "http.route"},
    SpanText{&SpanRecord::phase, 16, ""},
    SpanText{&SpanRecord::path, 1024, "url.path"},
    SpanText{&SpanRecord::scheme, 8, "url.scheme"},
    SpanText{&SpanRecord::host, 256, "server.address"},
    SpanText{&SpanRecord::client, 128, "client.address"},
    SpanText{&SpanRecord::user_agent, 256, "user_agent.original"},
    SpanText{&SpanRecord::listener, 64, "postern.listener"},
    SpanText{&SpanRecord::route, 64, "postern.route"},
    SpanText{&SpanRecord::upstream, 64, "postern.upstream"},
    SpanText{&SpanRecord::model, 128, "postern.model"},
    SpanText{&SpanRecord::request_id, 128, "postern.request_id"},
    SpanText{&SpanRecord::error, 64, "error.type"},
    SpanText{&SpanRecord::state, 512, ""},
};

/// What a span takes in a ring, as a ring's size is reckoned.
inline constexpr std::size_t kRingBytesPerSpan = 512;

/// False: the ring was full and the span is dropped (counted in the ring). No allocation, no system call.
bool append(ByteRing& ring, const SpanRecord& record) noexcept;
/// A record as it came out of a ring, with views into the ring's bytes. False: not what append() wrote.
bool decode(std::span<const char> bytes, SpanRecord& record) noexcept;

}  // namespace postern::trace
