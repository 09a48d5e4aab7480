// A connection's account of suspicious frames: each costs, time forgives. Honest clients never come near the limit,
// floods reach it within milliseconds, whatever they are made of. One core only.
#pragma once

#include <algorithm>
#include <cstdint>

namespace postern::wire {

class H2Glitches {
 public:
  static constexpr std::uint32_t kWhole = 5;       // what a frame that should not be costs
  static constexpr std::uint32_t kFifth = 1;       // what is normal once and strange in numbers: resets, pings
  static constexpr std::int64_t kForgiveMs = 100;  // for a whole one

  enum class Verdict : std::uint8_t { fine, warn, kill };

  explicit H2Glitches(std::uint32_t most) noexcept : most_(std::uint64_t{most} * kWhole) {}

  Verdict add(std::uint32_t weight, std::int64_t now_ms) noexcept {
    const std::int64_t forgiven = (now_ms - since_ms_) / (kForgiveMs / kWhole);
    if (forgiven > 0) {
      since_ms_ += forgiven * (kForgiveMs / kWhole);  // what is left over counts towards the next
      count_ -= std::min<std::uint64_t>(count_, static_cast<std::uint64_t>(forgiven));
    }
    count_ += weight;
    if (count_ >= most_) return Verdict::kill;
    return count_ >= most_ - most_ / 4 ? Verdict::warn : Verdict::fine;
  }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  std::uint64_t most_;
  std::uint64_t count_ = 0;
  std::int64_t since_ms_ = 0;
};

}  // namespace postern::wire
