// What all cores share of one endpoint: whether it may get requests, and what it holds where that is limited for the
// whole process. Checks and detectors write, picks read. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "upstream/outlier_record.h"

namespace postern::upstream {

/// Why an endpoint gets no requests; several may hold at once.
enum class OutReason : std::uint32_t {
  unhealthy = 1,  // active checks say so
  ejected = 2,    // its answers say so
};

class EndpointState {
 public:
  /// True: that changed something, and the upstream's epoch has to move (SharedUpstream::changed()).
  bool take_out(OutReason why) noexcept {
    const auto bit = static_cast<std::uint32_t>(why);
    return (out_.fetch_or(bit, std::memory_order_acq_rel) & bit) == 0;
  }
  bool put_back(OutReason why) noexcept {
    const auto bit = static_cast<std::uint32_t>(why);
    return (out_.fetch_and(~bit, std::memory_order_acq_rel) & bit) != 0;
  }
  [[nodiscard]] bool is_usable() const noexcept { return out_.load(std::memory_order_relaxed) == 0; }
  [[nodiscard]] bool is_out(OutReason why) const noexcept {
    return (out_.load(std::memory_order_relaxed) & static_cast<std::uint32_t>(why)) != 0;
  }
  /// When it became usable (again), steady clock: slow start counts from there. 0: with the upstream itself.
  [[nodiscard]] std::int64_t usable_since_ms() const noexcept { return since_ms_.load(std::memory_order_relaxed); }
  void set_usable_since_ms(std::int64_t now_ms) noexcept { since_ms_.store(now_ms, std::memory_order_relaxed); }
  /// What its answers have told.
  OutlierRecord& outlier() noexcept { return outlier_; }

  // What its circuit limits, and counts only then: requests and connections of all cores.
  bool begin_request(std::uint32_t most) noexcept { return take_one(requests_, most); }
  void end_request() noexcept { requests_.fetch_sub(1, std::memory_order_release); }
  bool begin_connection(std::uint32_t most) noexcept { return take_one(connections_, most); }
  void end_connection() noexcept { connections_.fetch_sub(1, std::memory_order_release); }
  [[nodiscard]] std::uint32_t connections() const noexcept { return connections_.load(std::memory_order_relaxed); }

 private:
  static bool take_one(std::atomic<std::uint32_t>& count, std::uint32_t most) noexcept {
    std::uint32_t now = count.load(std::memory_order_relaxed);
    while (now < most) {
      if (count.compare_exchange_weak(now, now + 1, std::memory_order_acquire, std::memory_order_relaxed)) return true;
    }
    return false;
  }

  std::atomic<std::uint32_t> out_{0};
  std::atomic<std::int64_t> since_ms_{0};
  std::atomic<std::uint32_t> requests_{0};
  std::atomic<std::uint32_t> connections_{0};
  OutlierRecord outlier_;
};

}  // namespace postern::upstream
