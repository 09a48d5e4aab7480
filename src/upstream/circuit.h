// The most that one endpoint gets at a time: a circuit that all cores share, and a limit that adapts, of this core's
// own. Nothing of it is looked at where neither is configured.
// Part of Endpoint. One core only; what cores share stands in EndpointState.
#pragma once

#include <cstdint>
#include <optional>

#include "metrics/core_metrics.h"
#include "upstream/adaptive_limit.h"
#include "upstream/endpoint_state.h"
#include "upstream/try_outcome.h"

namespace postern::upstream {

class Circuit {
 public:
  struct Settings {
    std::uint32_t max_connections = 0;  // of all cores; 0: no limit
    std::uint32_t max_in_flight = 0;    // of all cores; 0: no limit
    std::optional<AdaptiveLimit::Settings> adaptive;

    [[nodiscard]] bool limits() const noexcept {
      return max_connections != 0 || max_in_flight != 0 || adaptive.has_value();
    }
  };

  Circuit(const Settings& settings, EndpointState& state, metrics::UpstreamRow& metrics) noexcept
      : max_connections_(settings.max_connections),
        max_in_flight_(settings.max_in_flight),
        state_(state),
        metrics_(metrics) {
    if (!settings.adaptive) return;
    adaptive_.emplace(*settings.adaptive);
    metrics_.limit.add(adaptive_->limit());
  }
  Circuit(const Circuit&) = delete;
  Circuit& operator=(const Circuit&) = delete;
  ~Circuit() {
    if (adaptive_) metrics_.limit.sub(adaptive_->limit());
  }

  /// For one more request beside the `in_flight` of this core. True: it has its place, until leave().
  bool enter(std::uint32_t in_flight) noexcept {
    if (adaptive_ && !adaptive_->has_room(in_flight)) return false;
    return max_in_flight_ == 0 || state_.begin_request(max_in_flight_);
  }
  void leave() noexcept {
    if (max_in_flight_ != 0) state_.end_request();
  }

  [[nodiscard]] bool counts_connections() const noexcept { return max_connections_ != 0; }
  /// As of now; connect() has the last word.
  [[nodiscard]] bool may_connect() const noexcept {
    return max_connections_ == 0 || state_.connections() < max_connections_;
  }
  /// True: the connection may be made, and counts until EndpointState::end_connection().
  bool connect() noexcept { return max_connections_ == 0 || state_.begin_connection(max_connections_); }

  /// What a try came to, with so many requests of this core on the way.
  void record(TryOutcome outcome, std::uint32_t in_flight, Nanoseconds now, Nanoseconds took) noexcept {
    if (!adaptive_) return;
    const std::uint32_t before = adaptive_->limit();
    if (outcome == TryOutcome::ok) adaptive_->sample(took, in_flight, now);
    if (outcome == TryOutcome::timeout) adaptive_->drop(now);
    metrics_.limit.add(std::uint64_t{adaptive_->limit()} - before);
  }

 private:
  const std::uint32_t max_connections_;
  const std::uint32_t max_in_flight_;
  EndpointState& state_;
  metrics::UpstreamRow& metrics_;
  std::optional<AdaptiveLimit> adaptive_;
};

}  // namespace postern::upstream
