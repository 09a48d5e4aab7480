#include "net/timer_wheel.h"

#include <algorithm>

namespace postern::net {

TimerWheel::~TimerWheel() {
  for (Timer& head : slots_) {
    while (head.next_ != &head) head.next_->clear();
    head.next_ = head.prev_ = nullptr;  // so that ~Timer finds nothing to unlink
  }
}

bool TimerWheel::set(Timer& timer, std::int64_t now_ms, std::int64_t delay_ms) noexcept {
  timer.clear();
  // +1: the tick in progress may be almost over, and a coarse clock may be 4 ms behind.
  timer.tick_ = std::max(done_ + 1, (now_ms + std::max<std::int64_t>(delay_ms, 0)) / kTickMs + 1);
  Timer& head = slots_[static_cast<std::size_t>(timer.tick_) % kSlots];
  timer.next_ = &head;
  timer.prev_ = head.prev_;
  head.prev_->next_ = &timer;
  head.prev_ = &timer;
  if (wake_ >= 0 && timer.tick_ >= wake_) return false;
  wake_ = timer.tick_;
  return true;
}

void TimerWheel::advance(std::int64_t now_ms) noexcept {
  const std::int64_t last = now_ms / kTickMs;
  // After a long stop one turn visits every slot; more would visit them again.
  std::int64_t tick = std::max(done_ + 1, last - static_cast<std::int64_t>(kSlots) + 1);
  for (; tick <= last; ++tick) {
    done_ = tick;
    fire_slot(static_cast<std::size_t>(tick) % kSlots, last);
  }
}

void TimerWheel::fire_slot(std::size_t slot, std::int64_t tick) noexcept {
  Timer& head = slots_[slot];
  if (head.next_ == &head) return;
  // The ring moves to a local head first: what fires may set timers into this very slot.
  Timer due;
  due.next_ = head.next_;
  due.prev_ = head.prev_;
  due.next_->prev_ = &due;
  due.prev_->next_ = &due;
  head.next_ = head.prev_ = &head;
  while (due.next_ != &due) {
    Timer& timer = *due.next_;
    timer.clear();
    if (timer.tick_ <= tick) {
      timer.fire_(timer.owner_);
    } else {  // a later turn's
      timer.next_ = &head;
      timer.prev_ = head.prev_;
      head.prev_->next_ = &timer;
      head.prev_ = &timer;
    }
  }
  due.next_ = due.prev_ = nullptr;
}

std::int64_t TimerWheel::next_ms() noexcept {
  wake_ = -1;
  bool later = false;
  for (std::int64_t tick = done_ + 1; tick <= done_ + static_cast<std::int64_t>(kSlots); ++tick) {
    Timer& head = slots_[static_cast<std::size_t>(tick) % kSlots];
    for (Timer* timer = head.next_; timer != &head; timer = timer->next_) {
      if (timer->tick_ > tick) {
        later = true;
        continue;
      }
      wake_ = tick;
      return tick * kTickMs;
    }
  }
  if (!later) return -1;
  wake_ = done_ + static_cast<std::int64_t>(kSlots);
  return wake_ * kTickMs;
}

}  // namespace postern::net
