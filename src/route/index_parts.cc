// Edges into slots: linear probing in a power of two of slots, at most half of them taken.
#include "route/index_parts.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace postern::route {
namespace {

constexpr std::size_t kRekeysPerSize = 4;

}  // namespace

std::uint32_t IndexParts::add_step(std::uint32_t owner, std::string text) {
  Node step;
  step.id = next_owner_++;
  edges_.push_back({owner, std::move(text), step});
  return step.id;
}

std::uint32_t IndexParts::intern(const std::string& text) {
  const auto [known, fresh] = interned_.try_emplace(text, static_cast<std::uint32_t>(index_.texts.size()));
  if (fresh) index_.texts += text;
  return known->second;
}

std::uint16_t IndexParts::intern(MethodSet methods) {
  std::vector<MethodSet>& sets = index_.method_sets;
  const auto known = std::find(sets.begin(), sets.end(), methods);
  if (known != sets.end()) return static_cast<std::uint16_t>(known - sets.begin());
  sets.push_back(methods);
  return static_cast<std::uint16_t>(sets.size() - 1);
}

Index IndexParts::finish() {
  std::size_t size = 4;
  while (size < 2 * edges_.size()) size *= 2;
  for (;; size *= 2) {
    for (std::size_t i = 0; i < kRekeysPerSize; ++i) {
      index_.key = HashKey::random();
      if (try_place(size)) return std::move(index_);
    }
  }
}

bool IndexParts::try_place(std::size_t size) {
  index_.slots.assign(size, Slot{});
  index_.mask = size - 1;
  for (const Edge& edge : edges_) {
    std::size_t at = hash_of(index_.key, edge.owner, edge.text) & index_.mask;
    std::uint32_t probes = 1;
    for (; index_.slots[at].owner != 0; at = (at + 1) & index_.mask) ++probes;
    if (probes > Index::kMaxProbes) return false;
    Slot& slot = index_.slots[at];
    slot.owner = edge.owner;
    slot.size = static_cast<std::uint16_t>(edge.text.size());
    slot.node = edge.node;
    if (edge.text.size() <= Slot::kInline) {
      std::copy(edge.text.begin(), edge.text.end(), slot.text.begin());
    } else {
      const std::uint32_t offset = intern(edge.text);
      std::memcpy(slot.text.data(), &offset, sizeof offset);
    }
  }
  return true;
}

}  // namespace postern::route
