// One core's end of passive ejection: told of every try by the cluster, it counts, and ejects when it has to.
// One core only; what it works on is shared.
#pragma once

#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "metrics/core_metrics.h"
#include "upstream/outlier.h"
#include "upstream/try_outcome.h"

namespace postern::upstream {

/// The change's log line, and its metric.
void announce(const EjectionEvent& event, const std::string& upstream, std::string_view why,
              metrics::UpstreamRow& metrics) noexcept;

class Ejector {
 public:
  Ejector(EjectionSpec spec, std::shared_ptr<SharedUpstream> upstream, metrics::UpstreamRow& metrics)
      : spec_(spec), upstream_(std::move(upstream)), metrics_(metrics) {}

  /// `counts`: this core's, of that endpoint.
  void record(EndpointState& state, TryCounts& counts, TryOutcome outcome, Nanoseconds now) noexcept {
    if (outcome == TryOutcome::ok) {
      counts.passed.add();
      state.outlier().pass();
    } else if (outcome != TryOutcome::cancelled) {
      counts.failed.add();
      failed(state, outcome, now);
    }
  }

 private:
  void failed(EndpointState& state, TryOutcome outcome, Nanoseconds now) noexcept;

  const EjectionSpec spec_;
  const std::shared_ptr<SharedUpstream> upstream_;
  metrics::UpstreamRow& metrics_;
  Random random_;
};

}  // namespace postern::upstream
