// A queue of byte records between one core and a background thread: single producer, single consumer, no locks.
// The producer never waits: when the ring is full the record is dropped and counted.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace postern {

/// Positions grow for ever; `& mask_` gives the place. A record is a length, then its bytes, rounded up to 8; it never
/// wraps: what is left at the end of the memory is skipped by a length of kSkip.
class ByteRing {
 public:
  static constexpr std::size_t kMinBytes = 4096;

  /// Rounded up to a power of two. Throws bad_alloc. Pages take memory when they are first used.
  explicit ByteRing(std::size_t bytes);

  // Producer thread.
  /// Room for one record, or nullptr (and a drop counted). At most a quarter of the ring.
  char* reserve(std::size_t bytes) noexcept;
  /// Publishes what reserve() gave; `bytes` may be less than reserved.
  void commit(std::size_t bytes) noexcept;
  [[nodiscard]] bool is_half_full() noexcept { return holds_more_than(capacity() / 2); }
  [[nodiscard]] bool holds_more_than(std::uint64_t bytes) noexcept;

  // Consumer thread.
  /// Takes note of what has been published; front() goes that far and no farther. False: nothing there.
  bool refresh() noexcept;
  /// The oldest record; empty when there is none. Good until pop() or release().
  std::span<const char> front() noexcept;
  void pop() noexcept;
  /// In two steps, for who may have to come back: behind the record that front() gave, which stays in the ring...
  void skip() noexcept { cursor_ = next_; }
  /// ...until all that was skipped is done with, or
  void release() noexcept { head_.store(cursor_, std::memory_order_release); }
  /// is to be read again.
  void rewind() noexcept { cursor_ = head_.load(std::memory_order_relaxed); }

  // Any thread.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }

 private:
  using Length = std::uint32_t;
  static constexpr Length kSkip = ~Length{0};
  static constexpr std::size_t kHeader = 8;

  static constexpr std::uint64_t size_of(std::size_t bytes) noexcept {
    return kHeader + ((bytes + 7) & ~std::size_t{7});
  }
  char* at(std::uint64_t position) const noexcept { return memory_.get() + (position & mask_); }
  bool has_room(std::uint64_t end) noexcept;

  const std::size_t mask_;
  const std::unique_ptr<char[]> memory_;

  // Producer only; tail_ and dropped_ are read by others.
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  std::uint64_t seen_head_ = 0;
  std::uint64_t reserved_ = 0;  // where the reserved record starts, after a skip
  std::atomic<std::uint64_t> dropped_{0};

  // Consumer only; head_ is read by the producer when it seems full.
  alignas(64) std::atomic<std::uint64_t> head_{0};
  std::uint64_t seen_tail_ = 0;
  std::uint64_t cursor_ = 0;  // where front() looks: head_, or what was skipped behind it
  std::uint64_t next_ = 0;    // behind the record that front() gave
};

}  // namespace postern
