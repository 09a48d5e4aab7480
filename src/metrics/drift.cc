// See drift.h.
#include "metrics/drift.h"

#include <algorithm>
#include <cmath>

namespace postern::metrics {

void FadingHistogram::fade(double elapsed_s) noexcept {
  const double left = std::exp2(-elapsed_s / half_life_s_);
  for (double& bin : bins_) bin *= left;
  count_ *= left;
}

double FadingHistogram::quantile(double q) const noexcept {
  double before = 0;
  const double wanted = q * count_;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    if (bins_[bin] <= 0 || before + bins_[bin] < wanted) {
      before += bins_[bin];
      continue;
    }
    const double low = bin == 0 ? 0 : static_cast<double>(bin_end(bin - 1));
    const double high = static_cast<double>(bin_end(bin));
    return (low + (high - low) * (wanted - before) / bins_[bin]) / 1e6;
  }
  return 0;
}

double DriftDetector::ratio(double q) const noexcept {
  const double usual = slow_.quantile(q);
  return usual > 0 ? fast_.quantile(q) / usual : 1;
}

DriftDetector::Change DriftDetector::update(const MergedHistogram& total, double elapsed_s) noexcept {
  fast_.fade(elapsed_s);
  slow_.fade(elapsed_s);
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    const auto news = static_cast<double>(total.bins[bin] - std::min(last_[bin], total.bins[bin]));
    last_[bin] = total.bins[bin];
    if (news == 0) continue;
    fast_.add(bin, news);
    slow_.add(bin, news);
  }
  if (!is_known()) return Change::none;  // silence says nothing
  const double worst = std::max(median_ratio(), p95_ratio());
  const bool otherwise = parted_ ? worst <= settings_.meet : worst >= settings_.part;
  against_ = otherwise ? against_ + 1 : 0;
  if (against_ < kSteady) return Change::none;
  against_ = 0;
  parted_ = !parted_;
  return parted_ ? Change::parted : Change::met;
}

}  // namespace postern::metrics
