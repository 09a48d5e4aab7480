// How cores wake a writer's thread (access log, audit trail): one word, and a system call only when the writer really
// sleeps.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace postern {

class Doorbell {
 public:
  /// Any thread. Wakes the writer whatever it does, or keeps its next sleep from starting.
  void ring() noexcept;
  /// A core that has just appended: one relaxed load unless the writer is idle. Without a fence a call may be missed;
  /// the writer's longest sleep bounds that.
  void ring_if_idle() noexcept {
    if (state_.load(std::memory_order_relaxed) == kIdle) ring();
  }
  /// The same where no call may be missed: a writer that is about to sleep sees the records. `is_urgent`: from a nap,
  /// too.
  void ring_if_asleep(bool is_urgent) noexcept {
    const std::uint32_t state = state_.fetch_or(0, std::memory_order_seq_cst);
    if (state == kIdle || (is_urgent && state == kNapping)) ring();
  }

  /// Writer thread: sleeps until rung. `has_work` is asked once more after the cores have been told to ring: true, and
  /// there is no sleep.
  template <class HasWork>
  void wait_idle(std::chrono::microseconds at_most, HasWork has_work) noexcept {
    if (begin(kIdle) && !has_work()) sleep(kIdle, at_most);
    end();
  }
  /// The same while cores ring for a half-full ring only, so that lines gather.
  void nap(std::chrono::microseconds at_most) noexcept {
    if (begin(kNapping)) sleep(kNapping, at_most);
    end();
  }

 private:
  bool begin(std::uint32_t state) noexcept;
  void sleep(std::uint32_t state, std::chrono::microseconds at_most) noexcept;
  /// Whoever rang until here has his writes seen by the writer's next look.
  void end() noexcept { state_.exchange(kAwake, std::memory_order_acquire); }

  static constexpr std::uint32_t kAwake = 0, kRung = 1, kNapping = 2, kIdle = 3;

  alignas(64) std::atomic<std::uint32_t> state_{kAwake};
};

}  // namespace postern
