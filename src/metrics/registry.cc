// See registry.h.
#include "metrics/registry.h"

namespace postern::metrics {

MetricsRegistry::Names::Names() : by_slot{"_none", "_other"} {}

Slot MetricsRegistry::Names::slot_of(std::string_view name) {
  const auto found = slots.find(std::string(name));
  if (found != slots.end()) return found->second;
  if (slots.size() >= kMaxNames) return kOtherSlot;
  const auto slot = static_cast<Slot>(by_slot.size());
  by_slot.emplace_back(name);
  slots.emplace(name, slot);
  return slot;
}

MetricsRegistry::MetricsRegistry() = default;

Slot MetricsRegistry::route(std::string_view name) {
  const std::lock_guard lock(mutex_);
  return routes_.slot_of(name);
}

Slot MetricsRegistry::upstream(std::string_view name) {
  const std::lock_guard lock(mutex_);
  return upstreams_.slot_of(name);
}

Slot MetricsRegistry::listener(std::string_view name) {
  const std::lock_guard lock(mutex_);
  return listeners_.slot_of(name);
}

SlotCounts MetricsRegistry::counts() const {
  const std::lock_guard lock(mutex_);
  return {routes_.by_slot.size(), upstreams_.by_slot.size(), listeners_.by_slot.size()};
}

DiscoveryRow& MetricsRegistry::discovery(std::string_view upstream) {
  const std::lock_guard lock(mutex_);
  return discovery_.try_emplace(std::string(upstream)).first->second;
}

CoreMetrics& MetricsRegistry::add_core() {
  auto core = std::make_unique<CoreMetrics>();
  const std::lock_guard lock(mutex_);
  return *cores_.emplace_back(std::move(core));
}

}  // namespace postern::metrics
