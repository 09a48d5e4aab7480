// A log-linear latency histogram: every octave of microseconds is cut into four, so a bin is at most 25 % wide.
// Recorded by the owner thread in a few instructions, merged and folded to whole octaves at scrape.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "metrics/cell.h"

namespace postern::metrics {

inline constexpr unsigned kSubBits = 2;   // four bins an octave
inline constexpr unsigned kOctaves = 30;  // 1 us up to 2^30 us, 18 minutes; longer ones count in the last bin
inline constexpr std::size_t kBins = (kOctaves - kSubBits + 1) << kSubBits;

/// The bin of a duration in microseconds.
constexpr std::size_t bin_of(std::uint64_t us) noexcept {
  constexpr std::uint64_t kTop = (std::uint64_t{1} << kOctaves) - 1;
  if (us > kTop) us = kTop;
  if (us < (1U << kSubBits)) return static_cast<std::size_t>(us);
  const unsigned octave = static_cast<unsigned>(std::bit_width(us)) - 1;
  const std::uint64_t low_bits = (us >> (octave - kSubBits)) & ((1U << kSubBits) - 1);
  return static_cast<std::size_t>((std::uint64_t{octave - kSubBits + 1} << kSubBits) | low_bits);
}

/// The first duration, in microseconds, that is above the bin.
constexpr std::uint64_t bin_end(std::size_t bin) noexcept {
  if (bin < (1U << kSubBits)) return bin + 1;
  const std::size_t octave = (bin >> kSubBits) + kSubBits - 1;
  const std::uint64_t low_bits = bin & ((1U << kSubBits) - 1);
  return ((1U << kSubBits) + low_bits + 1) << (octave - kSubBits);
}

/// Trivial: zeroed memory is an empty histogram.
struct Histogram {
  Cell sum_ns;
  std::array<Cell, kBins> bins;

  void record(std::int64_t duration_ns) noexcept {
    const std::uint64_t ns = duration_ns > 0 ? static_cast<std::uint64_t>(duration_ns) : 0;
    sum_ns.add(ns);
    bins[bin_of(ns / 1000)].add();
  }
};

/// Several histograms added up, on the scraper's thread.
struct MergedHistogram {
  std::uint64_t sum_ns = 0;
  std::array<std::uint64_t, kBins> bins{};

  void add(const Histogram& part) noexcept;
  [[nodiscard]] std::uint64_t count() const noexcept;
  /// How many took less than `us` microseconds; exact when `us` is the end of a bin.
  [[nodiscard]] std::uint64_t below(std::uint64_t us) const noexcept;
  /// The upper edge, in seconds, of the bin that holds quantile `q` (0..1); 0 when empty.
  [[nodiscard]] double quantile(double q) const noexcept;
};

}  // namespace postern::metrics
