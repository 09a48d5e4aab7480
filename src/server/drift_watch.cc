// See drift_watch.h.
#include "server/drift_watch.h"

#include <cmath>
#include <vector>

#include "base/log.h"

namespace postern::server {
namespace {

metrics::DriftSettings detector_settings(const config::Drift& drift) {
  metrics::DriftSettings settings;
  settings.fast_half_life_s = static_cast<double>(drift.fast.count()) / 1e3;
  settings.slow_half_life_s = static_cast<double>(drift.slow.count()) / 1e3;
  settings.part = drift.part_percent / 100.0;
  settings.meet = drift.meet_percent / 100.0;
  settings.min_count = drift.min_requests;
  return settings;
}

/// The timer runs on where nothing changed: reloads may come more often than it fires.
bool are_same(const std::optional<config::Drift>& a, const std::optional<config::Drift>& b) {
  if (!a || !b) return !a && !b;
  return a->interval == b->interval && a->max_models == b->max_models && detector_settings(*a) == detector_settings(*b);
}

std::int64_t in_us(double seconds) { return std::llround(seconds * 1e6); }

}  // namespace

void DriftWatch::configure(const std::optional<config::Drift>& settings) {
  if (are_same(settings_, settings)) return;
  settings_ = settings;
  timer_.cancel();
  if (!settings_) {
    detectors_.clear();
    registry_.set_drift({});
    return;
  }
  const metrics::DriftSettings now = detector_settings(*settings_);
  if (now != detector_settings_) detectors_.clear();
  detector_settings_ = now;
  last_ = Clock::now();
  wait();
}

void DriftWatch::wait() {
  timer_.expires_after(settings_->interval);
  timer_.async_wait([this](const boost::system::error_code& stopped) {
    if (stopped || !settings_) return;
    const Clock::time_point now = Clock::now();
    compare(std::chrono::duration<double>(now - std::exchange(last_, now)).count());
    wait();
  });
}

/// All cores together. Each has its own first names: what is too many of them together is others, too.
std::map<DriftWatch::Key, metrics::MergedHistogram> DriftWatch::gather() const {
  std::map<Key, metrics::MergedHistogram> merged;
  std::map<metrics::Slot, std::uint32_t> names;
  registry_.for_each_core([&](const metrics::CoreMetrics& core) {
    const metrics::ModelTable& models = core.models();
    for (std::size_t i = 0; i < models.size(); ++i) {
      const metrics::ModelRow& row = models[i];
      Key key{row.upstream, std::string(row.name())};
      const bool is_reserved = key.second == metrics::kNoModel || key.second == metrics::kOtherModels;
      if (!is_reserved && !merged.contains(key) && ++names[row.upstream] > settings_->max_models) {
        key.second = metrics::kOtherModels;
      }
      merged[key].add(row.first_byte);
    }
  });
  return merged;
}

void DriftWatch::compare(double elapsed_s) {
  std::vector<metrics::DriftRatio> ratios;
  for (const auto& [key, total] : gather()) {
    auto& detector = detectors_.try_emplace(key, detector_settings_).first->second;
    report(key, detector, detector.update(total, elapsed_s));
    if (!detector.is_known()) continue;
    ratios.push_back({registry_.upstream_name(key.first), key.second, detector.median_ratio(), detector.p95_ratio()});
  }
  registry_.set_drift(std::move(ratios));
}

void DriftWatch::report(const Key& key, const metrics::DriftDetector& detector,
                        metrics::DriftDetector::Change change) const {
  using Change = metrics::DriftDetector::Change;
  if (change == Change::none) return;
  const bool parted = change == Change::parted;
  const std::string upstream = registry_.upstream_name(key.first);
  log::process().write(parted ? log::Level::warn : log::Level::info,
                       parted ? "upstream answers slower than it used to" : "upstream answers as fast as it used to",
                       {{"upstream", upstream},
                        {"model", key.second},
                        {"p50_us", in_us(detector.fast().quantile(0.5))},
                        {"usual_p50_us", in_us(detector.slow().quantile(0.5))},
                        {"p95_us", in_us(detector.fast().quantile(0.95))},
                        {"usual_p95_us", in_us(detector.slow().quantile(0.95))}});
}

}  // namespace postern::server
