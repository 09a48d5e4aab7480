#include "upstream/adaptive_limit.h"

#include <cmath>

namespace postern::upstream {

namespace {

constexpr std::uint32_t kMinSamples = 10;              // fewer are noise
constexpr Nanoseconds kLongestWindow = 1'000'000'000;  // with enough samples
constexpr Nanoseconds kShortestWindow = 50'000'000;    // the effect of the last step should show before the next one
constexpr double kSmoothing = 0.2;                     // share of a step that is taken
constexpr double kSteepest = 0.5;                      // one window halves the limit at most
constexpr Nanoseconds kMeasureEvery = 30'000'000'000;
constexpr double kMeasureShare = 0.25;           // of the limit, while the base is measured
constexpr double kBackOff = 0.9;                 // per drop
constexpr Nanoseconds kDropPause = 100'000'000;  // drops come in crowds: one of them counts

}  // namespace

void AdaptiveLimit::sample(Nanoseconds latency, std::uint32_t in_flight, Nanoseconds now) noexcept {
  const auto value = static_cast<double>(std::max<Nanoseconds>(latency, 1));
  if (samples_ == 0) {
    begun_ = now;
    sum_ = 0;
    smallest_ = value;
    most_in_flight_ = 0;
  }
  ++samples_;
  sum_ += value;
  smallest_ = std::min(smallest_, value);
  most_in_flight_ = std::max(most_in_flight_, in_flight);
  if (samples_ < kMinSamples) return;
  const Nanoseconds lasted = now - begun_;
  if (lasted >= kLongestWindow || (lasted >= kShortestWindow && samples_ >= limit())) end_window(now);
}

bool AdaptiveLimit::measure(Nanoseconds now) noexcept {
  if (measuring_ == 0) {
    if (measured_ == 0) measured_ = now;
    if (now - measured_ < kMeasureEvery) return false;
    limit_before_ = limit_;
    limit_ = std::max(limit_ * kMeasureShare, settings_.min);
    measuring_ = 2;  // the first one still has answers to what was asked before
    return true;
  }
  if (--measuring_ > 0) return true;
  base_ = smallest_;  // also when it is larger: endpoints change
  limit_ = limit_before_;
  measured_ = now;
  return true;
}

void AdaptiveLimit::end_window(Nanoseconds now) noexcept {
  const double mean = sum_ / samples_;
  samples_ = 0;
  if (base_ == 0 || smallest_ < base_) base_ = smallest_;
  if (measure(now)) return;
  const double gradient = std::clamp(settings_.tolerance * base_ / mean, kSteepest, 1.0);
  // Whoever has not used half of the limit has not shown that more would do.
  if (gradient >= 1.0 && most_in_flight_ * 2 < limit()) return;
  const double next = limit_ * gradient + std::sqrt(limit_);
  limit_ = std::clamp(limit_ * (1 - kSmoothing) + next * kSmoothing, settings_.min, settings_.max);
}

void AdaptiveLimit::drop(Nanoseconds now) noexcept {
  if (dropped_ != 0 && now - dropped_ < kDropPause) return;
  dropped_ = now;
  limit_ = std::max(limit_ * kBackOff, settings_.min);
  limit_before_ = std::max(limit_before_ * kBackOff, settings_.min);
}

}  // namespace postern::upstream
