// Gives names their slots, owns every core's counters, and holds the few counts that belong to no core.
// Control thread hands out slots while it builds a snapshot; the collector reads from any thread. Names are never
// freed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "metrics/core_metrics.h"

namespace postern::metrics {

/// Counts of the process: rare events, any thread.
enum class Event : std::uint8_t {
  reload_ok,
  reload_failed,
  certificate_reload_ok,
  certificate_reload_failed,
  access_log_written,  // lines
  access_log_lost,     // lines that reached the writer and could not be written
  upgrade_ok,
  upgrade_failed,
  core_stuck,
  count_,
};

/// Values of the process: any thread.
enum class Gauge : std::uint8_t {
  config_generation,
  config_loaded_at,  // Unix seconds
  draining,          // 0 or 1
  stuck_cores,
  overload_stage,          // 0: none
  overload_memory_permil,  // of the limit
  overload_files_permil,
  count_,
};

class MetricsRegistry {
 public:
  MetricsRegistry();

  /// The name's slot, the same one for ever; kOtherSlot when 10,000 names of the kind are taken.
  Slot route(std::string_view name);
  Slot upstream(std::string_view name);
  Slot listener(std::string_view name);
  [[nodiscard]] SlotCounts counts() const;

  /// One block per core, before the cores start. Owned here: outlives the cores' threads.
  CoreMetrics& add_core();

  void count(Event event, std::uint64_t n = 1) noexcept {
    events_[static_cast<std::size_t>(event)].fetch_add(n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get(Event event) const noexcept {
    return events_[static_cast<std::size_t>(event)].load(std::memory_order_relaxed);
  }
  void set(Gauge gauge, std::int64_t value) noexcept {
    gauges_[static_cast<std::size_t>(gauge)].store(value, std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t get(Gauge gauge) const noexcept {
    return gauges_[static_cast<std::size_t>(gauge)].load(std::memory_order_relaxed);
  }

 private:
  friend class Collector;

  struct Names {
    std::vector<std::string> by_slot;
    std::unordered_map<std::string, Slot> slots;

    Names();
    Slot slot_of(std::string_view name);
  };

  mutable std::mutex mutex_;  // guards the four below
  Names routes_;
  Names upstreams_;
  Names listeners_;
  std::vector<std::unique_ptr<CoreMetrics>> cores_;

  std::array<std::atomic<std::uint64_t>, kCount<Event>> events_{};
  std::array<std::atomic<std::int64_t>, kCount<Gauge>> gauges_{};
};

}  // namespace postern::metrics
