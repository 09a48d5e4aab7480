// A deadline for something that is waited for again and again: an event, a byte, a turn. Moving it costs a store; the
// timer behind it stays where it is and, when it fires too early, goes to sleep again. In a wheel shared by thousands
// of streams each move would touch the neighbours' cold memory. One core only.
#pragma once

#include "net/loop.h"

namespace postern::net {

class LazyDeadline {
 public:
  /// `late` runs from the loop when the deadline has passed.
  LazyDeadline(Timer::Fire late, void* owner) noexcept
      : late_(late),
        owner_(owner),
        timer_([](void* self) noexcept { static_cast<LazyDeadline*>(self)->look(); }, this) {}

  /// From now on; <= 0: never.
  void set(Loop& loop, std::int64_t timeout_ms) noexcept {
    if (timeout_ms <= 0) {
      due_ms_ = 0;
      return;
    }
    loop_ = &loop;
    due_ms_ = coarse_now_ms() + timeout_ms;
    if (!timer_.fires_by(due_ms_)) loop.set_timer(timer_, timeout_ms);
  }
  /// Nobody waits any more. The timer may still fire, and does nothing.
  void forget() noexcept { due_ms_ = 0; }

 private:
  void look() noexcept {
    if (due_ms_ == 0) return;
    const std::int64_t left = due_ms_ - coarse_now_ms();
    if (left > 0) {
      loop_->set_timer(timer_, left);
      return;
    }
    due_ms_ = 0;
    late_(owner_);
  }

  std::int64_t due_ms_ = 0;
  Loop* loop_ = nullptr;
  Timer::Fire late_;
  void* owner_;
  Timer timer_;
};

}  // namespace postern::net
