// Gives names their slots, owns every core's counters, and holds the few counts that belong to no core.
// Control thread hands out slots while it builds a snapshot; the collector reads from any thread. Names are never
// freed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
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
  access_log_rotated,
  access_log_rotate_failed,
  access_log_archived,        // rotated files that were compressed
  access_log_archive_failed,  // could not be compressed or deleted
  spans_exported,             // spans that the collector took
  spans_rejected,             // that it took note of and refused
  spans_lost,                 // that reached the exporter and could not be sent
  trace_export_ok,            // requests to the collector
  trace_export_retried,
  trace_export_failed,
  upgrade_ok,
  upgrade_failed,
  core_stuck,
  count_,
};

/// Recent time to an answer's first byte over what it used to be, of one upstream and model.
struct DriftRatio {
  std::string upstream;
  std::string model;
  double median = 1;
  double p95 = 1;
};

/// Sums of one stream of the audit trail.
struct AuditTotals {
  std::string stream;
  std::uint64_t written = 0, lost = 0, refused = 0, syncs = 0;
  bool is_failing = false;
};

/// Of one issuer's keys.
struct IssuerTotals {
  std::string issuer;
  std::uint64_t keys = 0, fetched = 0, failed = 0;
  bool is_failing = false;
};

/// Of what one issuer is asked about tokens.
struct IntrospectionTotals {
  std::string issuer;
  std::uint64_t active = 0, inactive = 0, failed = 0, not_asked = 0, waiting = 0;
  bool is_failing = false;
};

/// Of what one issuer's directory is asked about groups.
struct DirectoryTotals {
  std::string issuer;
  std::uint64_t found = 0, failed = 0, not_asked = 0;
};

/// Values of the process: any thread.
enum class Gauge : std::uint8_t {
  config_generation,
  config_loaded_at,    // Unix seconds
  draining,            // 0 or 1
  access_log_blocked,  // 0 or 1
  stuck_cores,
  overload_stage,          // 0: none
  overload_memory_permil,  // of the limit
  overload_files_permil,
  count_,
};

/// Of one upstream's endpoints, for the process: written while they are looked for, any thread.
struct DiscoveryRow {
  std::array<std::atomic<std::uint64_t>, kCount<DiscoveryResult>> results{};
  std::atomic<std::int64_t> good_at{0};  // coarse_now_ms(); 0: never
  std::atomic<std::uint64_t> endpoints{0};
  std::atomic<bool> used{false};  // something is looked for at present

  void add(DiscoveryResult result) noexcept {
    results[static_cast<std::size_t>(result)].fetch_add(1, std::memory_order_relaxed);
  }
};

class MetricsRegistry {
 public:
  MetricsRegistry();

  /// The name's slot, the same one for ever; kOtherSlot when 10,000 names of the kind are taken.
  Slot route(std::string_view name);
  Slot upstream(std::string_view name);
  Slot listener(std::string_view name);
  [[nodiscard]] SlotCounts counts() const;
  /// The upstream's row, the same one for ever.
  DiscoveryRow& discovery(std::string_view upstream);

  /// Control thread: what a scrape shows from now on.
  void set_drift(std::vector<DriftRatio> ratios) {
    const std::lock_guard lock(mutex_);
    drift_ = std::move(ratios);
  }
  void set_identity(std::vector<AuditTotals> audit, std::vector<IssuerTotals> issuers) {
    const std::lock_guard lock(mutex_);
    audit_ = std::move(audit);
    issuers_ = std::move(issuers);
  }
  void set_questions(std::vector<IntrospectionTotals> introspections, std::vector<DirectoryTotals> directories) {
    const std::lock_guard lock(mutex_);
    introspections_ = std::move(introspections);
    directories_ = std::move(directories);
  }
  /// Control thread, after the last add_core().
  template <class Visit>
  void for_each_core(Visit visit) const {
    for (const auto& core : cores_) visit(*core);
  }
  /// Empty: no such slot. Control thread.
  [[nodiscard]] std::string upstream_name(Slot slot) const {
    const std::lock_guard lock(mutex_);
    return slot < upstreams_.by_slot.size() ? upstreams_.by_slot[slot] : std::string();
  }

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

  mutable std::mutex mutex_;  // guards the five below
  Names routes_;
  Names upstreams_;
  Names listeners_;
  std::vector<std::unique_ptr<CoreMetrics>> cores_;
  std::map<std::string, DiscoveryRow, std::less<>> discovery_;  // by upstream
  std::vector<DriftRatio> drift_;
  std::vector<AuditTotals> audit_;
  std::vector<IssuerTotals> issuers_;
  std::vector<IntrospectionTotals> introspections_;
  std::vector<DirectoryTotals> directories_;

  std::array<std::atomic<std::uint64_t>, kCount<Event>> events_{};
  std::array<std::atomic<std::int64_t>, kCount<Gauge>> gauges_{};
};

}  // namespace postern::metrics
