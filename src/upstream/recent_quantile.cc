#include "upstream/recent_quantile.h"

#include <algorithm>
#include <cmath>

namespace postern::upstream {

void RecentQuantile::move_to(std::int64_t now_ms) noexcept {
  if (now_ms < window_ends_ms_) return;
  const bool long_ago = now_ms >= window_ends_ms_ + kWindowMs;
  if (long_ago) {
    before_ = {};
    before_count_ = 0;
  } else {
    before_ = present_;
    before_count_ = present_count_;
  }
  present_ = {};
  present_count_ = 0;
  window_ends_ms_ = now_ms + kWindowMs;
}

void RecentQuantile::record(Nanoseconds duration, std::int64_t now_ms) noexcept {
  move_to(now_ms);
  ++present_[metrics::bin_of(static_cast<std::uint64_t>(std::max<Nanoseconds>(duration, 0)) / 1000)];
  ++present_count_;
}

std::int64_t RecentQuantile::quantile_ms(double q, std::int64_t now_ms) noexcept {
  move_to(now_ms);
  if (now_ms < refresh_ms_ && q == asked_) return answer_ms_;
  refresh_ms_ = now_ms + kRefreshMs;
  asked_ = q;
  answer_ms_ = compute(q);
  return answer_ms_;
}

std::int64_t RecentQuantile::compute(double q) const noexcept {
  const std::uint32_t count = present_count_ + before_count_;
  if (count < kEnough) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(q * count));
  std::uint64_t seen = 0;
  std::size_t bin = 0;
  for (; bin + 1 < metrics::kBins; ++bin) {
    seen += present_[bin] + before_[bin];
    if (seen >= wanted && seen != 0) break;
  }
  return std::max<std::int64_t>(static_cast<std::int64_t>((metrics::bin_end(bin) + 999) / 1000), 1);
}

}  // namespace postern::upstream
