// How many requests at a time an endpoint may have, found out by itself: the limit grows slowly while answers take
// about as long as they do without load, and shrinks in proportion when they take longer (a gradient on the smallest
// latency). What "without load" means is measured anew twice a minute, with a quarter of the limit for a moment:
// otherwise an endpoint that is always busy would look as if it had always been as slow. One per endpoint and core;
// knows no clock.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace postern::upstream {

class AdaptiveLimit {
 public:
  struct Settings {
    double initial = 20;
    double min = 1;
    double max = 1000;
    double tolerance = 1.5;  // of the latency without load
  };

  explicit AdaptiveLimit(const Settings& settings) noexcept
      : settings_(settings), limit_(std::clamp(settings.initial, settings.min, settings.max)) {}

  /// An answer: how long its head took, and how many requests were on the way with it.
  void sample(Nanoseconds latency, std::uint32_t in_flight, Nanoseconds now) noexcept;
  /// A request that was lost to overload: no answer in time, or one that says so.
  void drop(Nanoseconds now) noexcept;

  [[nodiscard]] std::uint32_t limit() const noexcept { return static_cast<std::uint32_t>(limit_); }
  [[nodiscard]] bool has_room(std::uint32_t in_flight) const noexcept { return in_flight < limit(); }
  /// The latency without load, as far as that is known; 0: not yet.
  [[nodiscard]] Nanoseconds base() const noexcept { return static_cast<Nanoseconds>(base_); }

 private:
  void end_window(Nanoseconds now) noexcept;
  /// True: this window is part of a measurement, and says nothing else.
  bool measure(Nanoseconds now) noexcept;

  const Settings settings_;
  double limit_;
  double base_ = 0;
  double limit_before_ = 0;  // the measurement
  Nanoseconds measured_ = 0;
  int measuring_ = 0;  // windows to go
  // The present window
  Nanoseconds begun_ = 0;
  double sum_ = 0;
  double smallest_ = 0;
  std::uint32_t samples_ = 0;
  std::uint32_t most_in_flight_ = 0;
  Nanoseconds dropped_ = 0;
};

}  // namespace postern::upstream
