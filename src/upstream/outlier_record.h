// What requests have told about one endpoint, all cores together: the food of passive ejection (outlier.h).
// A success reads one shared word and writes a line of its core's own; only failures write what is shared. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "metrics/cell.h"

namespace postern::upstream {

/// One core's counts of one endpoint; that core alone writes.
struct alignas(64) TryCounts {
  metrics::Cell passed{};
  metrics::Cell failed{};
};

class OutlierRecord {
 public:
  OutlierRecord() = default;
  OutlierRecord(const OutlierRecord&) = delete;
  OutlierRecord& operator=(const OutlierRecord&) = delete;

  /// For a core that sends requests there. Counts of those that have gone stay in the sum.
  std::shared_ptr<TryCounts> join();
  struct Totals {
    std::uint64_t passed = 0;
    std::uint64_t failed = 0;
  };
  /// Since the call before.
  Totals take_new();

  /// How many in a row, this one included.
  std::uint32_t fail() noexcept { return in_a_row_.fetch_add(1, std::memory_order_relaxed) + 1; }
  void pass() noexcept {
    if (in_a_row_.load(std::memory_order_relaxed) != 0) in_a_row_.store(0, std::memory_order_relaxed);
  }

  /// Of the last ejections; under SharedUpstream's lock for ejecting.
  struct Term {
    std::int64_t until_ms = 0;
    std::int64_t back_ms = 0;  // when the last one ended
    std::uint32_t level = 0;   // how often the time is doubled
  };
  Term& term() noexcept { return term_; }

 private:
  alignas(64) std::atomic<std::uint32_t> in_a_row_{0};
  alignas(64) Term term_;
  std::mutex mutex_;  // guards what follows
  std::vector<std::shared_ptr<TryCounts>> cores_;
  Totals gone_;
  Totals seen_;
};

}  // namespace postern::upstream
