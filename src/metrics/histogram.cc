// See histogram.h.
#include "metrics/histogram.h"

#include <cmath>
#include <numeric>

namespace postern::metrics {

void MergedHistogram::add(const Histogram& part) noexcept {
  sum_ns += part.sum_ns.get();
  for (std::size_t i = 0; i < kBins; ++i) bins[i] += part.bins[i].get();
}

std::uint64_t MergedHistogram::count() const noexcept {
  return std::accumulate(bins.begin(), bins.end(), std::uint64_t{0});
}

std::uint64_t MergedHistogram::below(std::uint64_t us) const noexcept {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < kBins && bin_end(i) <= us; ++i) total += bins[i];
  return total;
}

double MergedHistogram::quantile(double q) const noexcept {
  const std::uint64_t total = count();
  if (total == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(total)));
  std::uint64_t seen = 0;
  std::size_t bin = 0;
  for (; bin + 1 < kBins; ++bin) {
    seen += bins[bin];
    if (seen >= wanted && seen != 0) break;
  }
  return static_cast<double>(bin_end(bin)) / 1e6;
}

}  // namespace postern::metrics
