// How long each model of each upstream took to answer, on one core: a small hash table of histograms by name.
// Written by its core, read by the control thread, which compares (drift.h). Names come from requests, so their number
// is bounded and each is kept for ever; the rest counts as "_other". Costs nothing until prepare().
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "metrics/histogram.h"
#include "metrics/slot_table.h"

namespace postern::metrics {

inline constexpr std::string_view kNoModel = "_none";       // the route has no {model}
inline constexpr std::string_view kOtherModels = "_other";  // beyond the bound, or too long

struct alignas(64) ModelRow {
  static constexpr std::size_t kMaxName = 61;

  Slot upstream;
  std::uint8_t size;
  std::array<char, kMaxName> text;
  Histogram first_byte;

  [[nodiscard]] std::string_view name() const noexcept { return {text.data(), size}; }
};

class ModelTable {
 public:
  static constexpr std::size_t kRows = 2048;

  ModelTable() = default;
  ModelTable(const ModelTable&) = delete;
  ModelTable& operator=(const ModelTable&) = delete;
  ~ModelTable();

  // Owner thread.
  /// Maps address space, once; a row takes memory when it is first used. May throw bad_alloc.
  void prepare();
  /// Never allocates. At most `max_models` names of one upstream get a row of their own.
  void record(Slot upstream, std::string_view model, std::uint32_t max_models, std::int64_t duration_ns) noexcept;

  // Any thread.
  [[nodiscard]] std::size_t size() const noexcept { return used_.load(std::memory_order_acquire); }
  /// Below size(): its name stands for ever, its counts grow.
  [[nodiscard]] const ModelRow& operator[](std::size_t i) const noexcept { return block()->rows[i]; }

 private:
  static constexpr std::size_t kPlaces = 2 * kRows;
  static constexpr std::size_t kProbes = 16;
  static constexpr std::size_t kKeptForOthers = 256;

  struct Block {
    std::array<std::uint16_t, kPlaces> places;             // row + 1; 0: free
    std::array<std::uint8_t, kMaxNames + 2> per_upstream;  // names that have a row
    std::array<ModelRow, kRows> rows;
  };

  [[nodiscard]] Block* block() const noexcept { return block_.load(std::memory_order_acquire); }
  ModelRow* find_or_add(Block& block, Slot upstream, std::string_view model, bool may_add) noexcept;

  std::atomic<Block*> block_{nullptr};
  std::atomic<std::size_t> used_{0};
};

}  // namespace postern::metrics
