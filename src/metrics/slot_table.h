// Rows of counters found by a small number, grown by one thread while another reads.
// Rows never move and are never freed: a reference to one may be kept for the life of the core.
#pragma once

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

namespace postern::metrics {

/// Which row; handed out by MetricsRegistry for a name, the same for every core and across reloads.
using Slot = std::uint16_t;

inline constexpr Slot kNoneSlot = 0;   // "_none": no route, no upstream
inline constexpr Slot kOtherSlot = 1;  // "_other": all names beyond the cap
inline constexpr std::size_t kMaxNames = 10'000;

template <class Row>
class SlotTable {
  static_assert(std::is_trivially_default_constructible_v<Row> && std::is_trivially_destructible_v<Row>,
                "rows live in zeroed pages");
  static constexpr std::size_t kRowsPerChunk = 64;
  static constexpr std::size_t kChunks = (kMaxNames + 2 + kRowsPerChunk - 1) / kRowsPerChunk;

 public:
  SlotTable() = default;
  SlotTable(const SlotTable&) = delete;
  SlotTable& operator=(const SlotTable&) = delete;
  ~SlotTable() {
    for (auto& chunk : chunks_) {
      if (Row* rows = chunk.load(std::memory_order_relaxed)) ::munmap(rows, kRowsPerChunk * sizeof(Row));
    }
  }

  /// Owner thread: makes slots 0..count-1 usable. Maps address space; a row takes memory when it is first written.
  void grow(std::size_t count) {
    for (std::size_t i = 0; i < kChunks && i * kRowsPerChunk < count; ++i) {
      if (chunks_[i].load(std::memory_order_relaxed) != nullptr) continue;
      void* pages =
          ::mmap(nullptr, kRowsPerChunk * sizeof(Row), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (pages == MAP_FAILED) throw std::bad_alloc();
      chunks_[i].store(static_cast<Row*>(pages), std::memory_order_release);
    }
    other_ = find(kOtherSlot);
  }

  /// Owner thread, after the first grow(). A slot that nobody prepared counts as "_other": wrong label, no crash.
  Row& operator[](Slot slot) noexcept {
    Row* row = find(slot);
    return row != nullptr ? *row : *other_;
  }

  /// Any thread; nullptr: not grown that far.
  Row* find(Slot slot) const noexcept {
    const std::size_t chunk = slot / kRowsPerChunk;
    if (chunk >= kChunks) return nullptr;
    Row* rows = chunks_[chunk].load(std::memory_order_acquire);
    return rows != nullptr ? rows + slot % kRowsPerChunk : nullptr;
  }

 private:
  std::array<std::atomic<Row*>, kChunks> chunks_{};
  Row* other_ = nullptr;  // owner thread; set by the first grow()
};

}  // namespace postern::metrics
