// See model_table.h.
#include "metrics/model_table.h"

#include <sys/mman.h>

#include <cstring>
#include <functional>
#include <new>

namespace postern::metrics {

ModelTable::~ModelTable() {
  if (Block* mapped = block()) ::munmap(mapped, sizeof(Block));
}

void ModelTable::prepare() {
  if (block()) return;
  void* pages = ::mmap(nullptr, sizeof(Block), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  block_.store(static_cast<Block*>(pages), std::memory_order_release);
}

void ModelTable::record(Slot upstream, std::string_view model, std::uint32_t max_models,
                        std::int64_t duration_ns) noexcept {
  Block* mapped = block_.load(std::memory_order_relaxed);
  if (!mapped || upstream >= mapped->per_upstream.size()) return;
  const std::size_t used = used_.load(std::memory_order_relaxed);
  ModelRow* row = nullptr;
  if (model.size() <= ModelRow::kMaxName) {
    const bool may_add =
        model == kNoModel || (mapped->per_upstream[upstream] < max_models && used < kRows - kKeptForOthers);
    row = find_or_add(*mapped, upstream, model, may_add);
  }
  if (!row) row = find_or_add(*mapped, upstream, kOtherModels, true);
  if (row) row->first_byte.record(duration_ns);
}

ModelRow* ModelTable::find_or_add(Block& block, Slot upstream, std::string_view model, bool may_add) noexcept {
  const std::size_t hash = std::hash<std::string_view>{}(model) + upstream * std::size_t{0x9e3779b1};
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    std::uint16_t& place = block.places[(hash + probe) % kPlaces];
    if (place != 0) {
      ModelRow& row = block.rows[place - 1U];
      if (row.upstream == upstream && row.name() == model) return &row;
      continue;
    }
    const std::size_t used = used_.load(std::memory_order_relaxed);
    if (!may_add || used == kRows) return nullptr;
    ModelRow& row = block.rows[used];
    row.upstream = upstream;
    row.size = static_cast<std::uint8_t>(model.size());
    std::memcpy(row.text.data(), model.data(), model.size());
    place = static_cast<std::uint16_t>(used + 1);
    if (model != kNoModel && model != kOtherModels) ++block.per_upstream[upstream];
    used_.store(used + 1, std::memory_order_release);
    return &row;
  }
  return nullptr;
}

}  // namespace postern::metrics
