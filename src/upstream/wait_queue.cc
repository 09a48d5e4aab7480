#include "upstream/wait_queue.h"

#include <algorithm>

namespace postern::upstream {

namespace {
constexpr double kMemory = 5e9;  // of time during which somebody waited
}  // namespace

Nanoseconds WaitQueue::expected_wait() const noexcept {
  if (!first_ || freed_ < 1) return 0;
  return static_cast<Nanoseconds>(static_cast<double>(size_ + 1) * busy_ns_ / freed_);
}

void WaitQueue::enter(Waiter& waiter, Nanoseconds now) noexcept {
  if (!first_) since_ = now;
  waiter.previous = last_;
  waiter.next = nullptr;
  (last_ ? last_->next : first_) = &waiter;
  last_ = &waiter;
  ++size_;
}

void WaitQueue::leave(Waiter& waiter) noexcept {
  const bool was_first = first_ == &waiter;
  (waiter.previous ? waiter.previous->next : first_) = waiter.next;
  (waiter.next ? waiter.next->previous : last_) = waiter.previous;
  --size_;
  if (was_first) wake_first();
}

void WaitQueue::freed(Nanoseconds now) noexcept {
  if (!first_) return;
  busy_ns_ += static_cast<double>(std::max<Nanoseconds>(now - since_, 0));
  freed_ += 1;
  since_ = now;
  if (busy_ns_ > kMemory && freed_ >= 2) {
    busy_ns_ /= 2;
    freed_ /= 2;
  }
  wake_first();
}

}  // namespace postern::upstream
