// Everything one core counts. Written by that core's thread alone with plain stores, read by the scraper.
// The request path takes references to rows (route, upstream, listener) and adds to their cells; nothing allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "metrics/cell.h"
#include "metrics/histogram.h"
#include "metrics/kinds.h"
#include "metrics/model_table.h"
#include "metrics/slot_table.h"

namespace postern::metrics {

/// 0: ended without an answer; 1..5: 1xx..5xx.
inline constexpr std::size_t kStatusClasses = 6;
constexpr std::size_t status_class(unsigned status) noexcept {
  return status >= 100 && status < 600 ? status / 100 : 0;
}

/// Rows are whole cache lines; what every request touches stands in the first one.
struct alignas(64) RouteRow {
  std::array<Cell, kStatusClasses> requests;
  Cell request_bytes;
  Cell response_bytes;
  Histogram duration;

  /// Once per request. `status` 0: no answer was begun.
  void finished(unsigned status, std::int64_t duration_ns, std::uint64_t bytes_in, std::uint64_t bytes_out) noexcept {
    requests[status_class(status)].add();
    if (bytes_in != 0) request_bytes.add(bytes_in);
    response_bytes.add(bytes_out);
    duration.record(duration_ns);
  }
};

/// Of a route with rules, beside its RouteRow.
struct alignas(64) AccessRow {
  std::array<Cell, kCount<AccessResult>> results;

  void judged(AccessResult result) noexcept { results[static_cast<std::size_t>(result)].add(); }
};

struct alignas(64) UpstreamRow {
  std::array<Cell, kStatusClasses> responses;  // per try; class 0: no answer
  Cell reuses;                                 // requests that went over a kept connection
  Cell connects;                               // connections made
  Cell connect_ns;                             // what they took, TLS included
  Cell retries;
  Cell open;  // gauge: connections, busy and kept
  Cell idle;  // gauge: kept ones
  Cell bytes_out;
  Cell bytes_in;
  std::array<Cell, kCount<UpstreamError>> errors;
  Histogram first_byte;  // from the request's first byte out to the answer's first byte in
  std::array<Cell, kCount<HealthResult>> checks;
  Cell unhealthy;  // gauge: endpoints; of the one core that checks this upstream
  std::array<Cell, kCount<Ejection>> ejections;
  Cell ejected;  // gauge: endpoints; as unhealthy
  Cell panic_picks;
  std::array<Cell, kCount<FailureCause>> failures;  // answers of 500 and above
  Cell retries_denied;                              // by the budget
  std::array<Cell, kCount<HedgeResult>> hedges;
  std::array<Cell, kCount<QueueResult>> queue;
  Cell queue_waiting;  // gauge
  Cell queue_wait_ns;
  Cell full;   // endpoints passed over because they were at their limit
  Cell limit;  // gauge: what the limits that adapt allow, all endpoints together

  void failed(FailureCause cause) noexcept { failures[static_cast<std::size_t>(cause)].add(); }
  void hedged(HedgeResult result) noexcept { hedges[static_cast<std::size_t>(result)].add(); }
  void queued(QueueResult result) noexcept { queue[static_cast<std::size_t>(result)].add(); }
  void failed(UpstreamError error) noexcept { errors[static_cast<std::size_t>(error)].add(); }
};

struct alignas(64) ListenerRow {
  Cell accepted;
  Cell open;  // gauge
  Cell handshakes_full;
  Cell handshakes_resumed;
  std::array<Cell, kCount<Rejection>> rejected;
  std::array<Cell, kCount<HandshakeFailure>> handshakes_failed;
  Cell h2_accepted;
  std::array<Cell, kCount<H2Event>> h2_events;

  void reject(Rejection why) noexcept { rejected[static_cast<std::size_t>(why)].add(); }
  void h2(H2Event event) noexcept { h2_events[static_cast<std::size_t>(event)].add(); }
  void handshake_failed(HandshakeFailure why) noexcept { handshakes_failed[static_cast<std::size_t>(why)].add(); }
};

/// How many slots there are of each kind. A snapshot carries it to the cores.
struct SlotCounts {
  std::size_t routes = 2;
  std::size_t upstreams = 2;
  std::size_t listeners = 2;
};

class alignas(64) CoreMetrics {
 public:
  CoreMetrics() { prepare({}); }

  /// This core, when it installs a snapshot and before it uses the snapshot's slots. May throw bad_alloc.
  void prepare(const SlotCounts& counts);

  // This core. References stay good for ever.
  RouteRow& route(Slot slot) noexcept { return routes_[slot]; }
  AccessRow& access(Slot slot) noexcept { return access_[slot]; }
  UpstreamRow& upstream(Slot slot) noexcept { return upstreams_[slot]; }
  ListenerRow& listener(Slot slot) noexcept { return listeners_[slot]; }

  /// A request's head has been read; every one of these has its request_finished().
  void request_started() noexcept { in_flight_.add(); }

  /// The one call per request; `why` is none when the answer came from the upstream or a route's fixed reply.
  void request_finished(RouteRow& route, unsigned status, Reason why, std::int64_t duration_ns, std::uint64_t bytes_in,
                        std::uint64_t bytes_out) noexcept {
    in_flight_.sub();
    route.finished(status, duration_ns, bytes_in, bytes_out);
    codes_[status < kCodes ? status : 0].add();
    if (why != Reason::none) reasons_[static_cast<std::size_t>(why)].add();
  }

  /// From the loop's regular tick: how late it came.
  void loop_lagged(std::int64_t late_ns) noexcept {
    loop_lag_.record(late_ns);
    last_lag_ns_.set(static_cast<std::uint64_t>(late_ns > 0 ? late_ns : 0));
  }
  void credential(CredentialResult result) noexcept { credentials_[static_cast<std::size_t>(result)].add(); }
  void shed(Shed what) noexcept { shed_[static_cast<std::size_t>(what)].add(); }

  void access_log_dropped() noexcept { access_log_dropped_.add(); }
  void access_log_sampled_out() noexcept { access_log_sampled_out_.add(); }
  void span_dropped() noexcept { spans_dropped_.add(); }
  ModelTable& models() noexcept { return models_; }
  [[nodiscard]] const ModelTable& models() const noexcept { return models_; }

 private:
  friend class Collector;
  static constexpr std::size_t kCodes = 600;

  Cell in_flight_{};
  Cell access_log_dropped_{};
  Cell access_log_sampled_out_{};
  Cell spans_dropped_{};
  std::array<Cell, kCount<Reason>> reasons_{};
  std::array<Cell, kCount<CredentialResult>> credentials_{};
  Cell last_lag_ns_{};
  std::array<Cell, kCount<Shed>> shed_{};
  Histogram loop_lag_{};
  std::array<Cell, kCodes> codes_{};  // by exact status; 0: none

  SlotTable<RouteRow> routes_;
  SlotTable<AccessRow> access_;  // slots of routes
  SlotTable<UpstreamRow> upstreams_;
  SlotTable<ListenerRow> listeners_;
  ModelTable models_;
};

}  // namespace postern::metrics
