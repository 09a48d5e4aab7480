// How many extra tries an upstream may get: a share of the requests of the last ten seconds, and a little more for
// upstreams with hardly any. One per upstream and core; knows no clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace postern::upstream {

/// Tries that no client asked for; each kind has a budget of its own.
enum class Extra : std::uint8_t { retry, hedge };

class TryBudget {
 public:
  static constexpr std::size_t kSeconds = 10;

  /// Once per request.
  void request(std::int64_t now_ms) noexcept {
    move_to(now_ms / 1000);
    ++now_[0];
    ++total_[0];
  }

  /// True: that try may go out, and has been counted. `share` of the requests, `floor` a second.
  bool take(Extra extra, std::int64_t now_ms, double share, double floor) noexcept {
    move_to(now_ms / 1000);
    const std::size_t kind = 1 + static_cast<std::size_t>(extra);
    const double allowed = share * static_cast<double>(total_[0]) + floor * static_cast<double>(kSeconds);
    if (static_cast<double>(total_[kind] + 1) > allowed) return false;
    ++now_[kind];
    ++total_[kind];
    return true;
  }

 private:
  using Counts = std::array<std::uint32_t, 3>;  // requests, retries, hedges

  void move_to(std::int64_t second) noexcept {
    if (second != second_) turn(second);
  }
  void turn(std::int64_t second) noexcept {
    if (second - second_ > static_cast<std::int64_t>(kSeconds) || second < second_) {
      past_ = {};
      total_ = now_ = {};
      second_ = second;
      return;
    }
    for (; second_ < second; ++second_) {
      // The present second takes the place of the oldest one, whose counts leave the total.
      Counts& oldest = past_[static_cast<std::size_t>(second_) % past_.size()];
      for (std::size_t i = 0; i < total_.size(); ++i) total_[i] -= oldest[i];
      oldest = now_;
      now_ = {};
    }
  }

  std::array<Counts, kSeconds - 1> past_{};  // by second
  Counts now_{};
  Counts total_{};  // past_ and now_
  std::int64_t second_ = 0;
};

}  // namespace postern::upstream
