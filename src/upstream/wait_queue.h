// Requests that wait for an endpoint with room, in their order. It is time that bounds it: whoever would have to wait
// longer than he may, at the rate at which places have become free lately, is told at once.
// First in, first out: those inside were promised their place. One per upstream and core; knows no clock, wakes by a
// callback.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace postern::upstream {

class WaitQueue {
 public:
  /// Embedded in whoever waits; leaves by leave() only.
  struct Waiter {
    void (*wake)(void* owner) noexcept = nullptr;
    void* owner = nullptr;
    Waiter* next = nullptr;
    Waiter* previous = nullptr;
  };

  WaitQueue() = default;
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const Waiter* first() const noexcept { return first_; }

  /// How long one that enters now would wait; 0: nobody can say. Whoever would be the first always may: somebody has
  /// to find out.
  [[nodiscard]] Nanoseconds expected_wait() const noexcept;

  void enter(Waiter& waiter, Nanoseconds now) noexcept;
  /// Has its place, or has given up. The next one is woken to look for himself: there may be room for two.
  void leave(Waiter& waiter) noexcept;
  /// A place has become free.
  void freed(Nanoseconds now) noexcept;

 private:
  void wake_first() noexcept {
    if (first_) first_->wake(first_->owner);
  }

  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  std::size_t size_ = 0;
  // The rate at which places become free while somebody waits; the past counts half as much every few seconds.
  Nanoseconds since_ = 0;  // the last time that counts
  double busy_ns_ = 0;
  double freed_ = 0;
};

}  // namespace postern::upstream
