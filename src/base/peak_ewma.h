// Peak EWMA: an estimate of an endpoint's latency that jumps to a sample above it at once and comes down slowly, so
// that trouble is seen with the first slow answer and trusted to be over only after some time. Plain functions.
#pragma once

#include "base/clock.h"

namespace postern {

/// After this long without a sample the estimate is down to 1/e of itself: an endpoint that is avoided gets another
/// chance by and by.
inline constexpr double kLatencyDecayNs = 10e9;

/// About exp(-x) for x >= 0, within 4 percent of it below 1 and faster further on: 0 from 16, so that nothing is
/// remembered for ever. A few nanoseconds.
inline double decay(double x) noexcept {
  double y = x < 16 ? 1 - x / 16 : 0;
  y *= y;
  y *= y;
  y *= y;
  return y * y;
}

/// What an estimate is worth after `elapsed`.
inline double aged_latency(double estimate_ns, Nanoseconds elapsed) noexcept {
  return elapsed <= 0 ? estimate_ns : estimate_ns * decay(static_cast<double>(elapsed) / kLatencyDecayNs);
}

/// The next estimate; 0 is "none yet".
inline double with_sample(double estimate_ns, Nanoseconds elapsed, double sample_ns) noexcept {
  if (estimate_ns <= 0 || sample_ns >= estimate_ns) return sample_ns;
  const double weight = decay(static_cast<double>(elapsed < 0 ? 0 : elapsed) / kLatencyDecayNs);
  return estimate_ns * weight + sample_ns * (1 - weight);
}

}  // namespace postern
