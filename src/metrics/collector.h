// What a scrape sees: all cores' counters added up and given their names, labels and help.
// Called by the admin server on the control thread; reads only, so any thread may. Families stand in table.h.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "metrics/registry.h"

namespace postern::metrics {

struct BuildInfo {
  std::string version;
  std::string engine;  // epoll or io_uring: the one that runs
};

class Collector final : public prometheus::Collectable {
 public:
  /// The registry outlives the collector.
  Collector(const MetricsRegistry& registry, BuildInfo build);

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const MetricsRegistry& registry_;
  const BuildInfo build_;
};

/// The same as Prometheus text, version 0.0.4.
std::string to_text(const prometheus::Collectable& source);

}  // namespace postern::metrics
