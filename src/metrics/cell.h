// One counter with one writer: a plain load, add and store, never a locked instruction.
// Written by the thread that owns it, read by the scraper at any time; values may be a moment old, never torn.
#pragma once

#include <atomic>
#include <cstdint>

namespace postern::metrics {

/// Zeroed memory is a valid Cell (SlotTable relies on it), so it must stay trivial.
class Cell {
 public:
  /// Owner thread only.
  void add(std::uint64_t n = 1) noexcept { set(get() + n); }
  void sub(std::uint64_t n = 1) noexcept { set(get() - n); }
  void set(std::uint64_t n) noexcept { std::atomic_ref(value_).store(n, std::memory_order_relaxed); }

  /// Any thread.
  [[nodiscard]] std::uint64_t get() const noexcept {
    return std::atomic_ref(const_cast<std::uint64_t&>(value_)).load(std::memory_order_relaxed);
  }

 private:
  std::uint64_t value_;
};

}  // namespace postern::metrics
