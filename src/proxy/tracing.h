// A request's place in its trace: the context that it brought or that begins here, its spans, the headers for its
// upstream, and Server-Timing. Part of RequestContext; where tracing is off each call is one compare. One core only.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "http/head.h"
#include "trace/exporter.h"
#include "trace/propagation.h"
#include "trace/settings.h"

namespace postern::proxy {

struct RequestContext;

/// What a request may wait for inside of postern.
enum class Phase : std::uint8_t { queue, auth, cache, count_ };

/// One try at an endpoint, from its beginning on. Whoever tries keeps it.
struct TrySpan {
  trace::SpanId id = 0;  // 0: nobody records it
  Nanoseconds started = 0;
  std::uint16_t before = 0;  // tries
};

struct TrySpanEnd {
  std::string_view endpoint;
  std::uint16_t status = 0;  // 0: no answer
  std::string_view error;    // why; empty: an answer came, whole
};

class RequestTrace {
 public:
  /// Once per request, where [trace] is on: reads the request's headers.
  void start(RequestContext& rc, const trace::Settings& settings, trace::CoreTracer& tracer) noexcept;
  /// The last thing: the request's own span.
  void finish(const RequestContext& rc, Nanoseconds ended) noexcept;
  [[nodiscard]] bool is_on() const noexcept { return settings_ != nullptr; }

  /// Something is waited for: an internal span, and an entry of Server-Timing. Phases may repeat, not overlap.
  void begin(Phase phase) noexcept;
  void end(Phase phase) noexcept;

  /// Puts the upstream's trace headers in place of the client's. False: no room.
  bool inject(http::Fields& fields) noexcept;
  TrySpan begin_try() noexcept;
  /// From here on the upstream's headers name this try: right before its head is written.
  void announce(const TrySpan& span) noexcept {
    if (span.id != 0) outgoing_.set_span(span.id);
  }
  void end_try(const RequestContext& rc, const TrySpan& span, const TrySpanEnd& end) noexcept;

  /// Server-Timing, where the route wants it and the client may have it. False: no room.
  bool add_server_timing(const RequestContext& rc, http::ResponseHead& head) noexcept;

  /// 32 digits; empty where tracing is off.
  [[nodiscard]] std::string_view id_text() const noexcept { return outgoing_.trace_id(); }
  /// The request's head goes: its views do, too.
  void forget_head() noexcept { state_ = {}; }

 private:
  struct Waited {
    Nanoseconds started = 0;
    Nanoseconds spent = 0;
  };

  [[nodiscard]] trace::SpanId make_span_id() noexcept;
  [[nodiscard]] trace::SpanRecord record_of(trace::SpanKind kind, trace::SpanId id, Nanoseconds started,
                                            Nanoseconds ended) const noexcept;
  void continue_or_begin(const trace::Incoming& incoming, bool trusted) noexcept;

  const trace::Settings* settings_ = nullptr;
  trace::CoreTracer* tracer_ = nullptr;
  bool sampled_ = false;
  bool records_ = false;  // sampled, and spans go somewhere
  bool has_headers_ = false;
  bool keeps_state_ = false;
  bool keeps_baggage_ = false;
  trace::TraceId trace_;
  trace::SpanId span_ = 0;
  trace::SpanId parent_ = 0;
  std::uint16_t tries_ = 0;
  trace::TraceId link_trace_;
  trace::SpanId link_span_ = 0;
  std::string_view state_;
  std::array<Waited, static_cast<std::size_t>(Phase::count_)> phases_;
  trace::Outgoing outgoing_;
  std::array<char, 128> timing_;  // Server-Timing's text
};

}  // namespace postern::proxy
