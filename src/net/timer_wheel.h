// All timeouts of one core: setting and clearing one is a few instructions, whatever their number.
// Coarse by design (kTickMs): it ends waits, it measures nothing. Knows no clock and no Asio: Loop drives it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace postern::net {

class TimerWheel;

/// Embed one where a wait can time out. Clears itself when destroyed.
class Timer {
 public:
  using Fire = void (*)(void* owner) noexcept;

  Timer(Fire fire, void* owner) noexcept : fire_(fire), owner_(owner) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { clear(); }

  [[nodiscard]] bool is_set() const noexcept { return next_ != nullptr; }
  /// Will fire by then, or soon after.
  [[nodiscard]] bool fires_by(std::int64_t time_ms) const noexcept;
  void clear() noexcept {
    if (!next_) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  friend class TimerWheel;
  Timer() noexcept : next_(this), prev_(this) {}  // the head of a slot's ring
  Timer* next_ = nullptr;
  Timer* prev_ = nullptr;
  std::int64_t tick_ = 0;
  Fire fire_ = nullptr;
  void* owner_ = nullptr;
};

class TimerWheel {
 public:
  static constexpr std::int64_t kTickMs = 8;
  static constexpr std::size_t kSlots = 1024;  // 8.2 s a turn; later deadlines stay in their slot for more turns

  explicit TimerWheel(std::int64_t now_ms) noexcept : done_(now_ms / kTickMs) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  /// Never early; at most two ticks late. True when the wheel now has to be turned earlier than next_ms() said before.
  bool set(Timer& timer, std::int64_t now_ms, std::int64_t delay_ms) noexcept;

  /// Fires what is due. Timers may be set and cleared, and their owners destroyed, from within.
  void advance(std::int64_t now_ms) noexcept;

  /// When advance() should be called next; -1 when no timer is set. May be early, never late.
  [[nodiscard]] std::int64_t next_ms() noexcept;

 private:
  void fire_slot(std::size_t slot, std::int64_t tick) noexcept;

  std::int64_t done_;       // the last tick that was handled
  std::int64_t wake_ = -1;  // the tick that next_ms() promised
  Timer slots_[kSlots];     // not a std::array: their constructor is private
};

inline bool Timer::fires_by(std::int64_t time_ms) const noexcept {
  return is_set() && tick_ <= time_ms / TimerWheel::kTickMs + 1;
}

}  // namespace postern::net
