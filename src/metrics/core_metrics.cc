// See core_metrics.h.
#include "metrics/core_metrics.h"

namespace postern::metrics {

static_assert(sizeof(RouteRow) == 1024, "64 routes are 16 pages; think before you widen it");

void CoreMetrics::prepare(const SlotCounts& counts) {
  routes_.grow(counts.routes);
  access_.grow(counts.routes);
  upstreams_.grow(counts.upstreams);
  listeners_.grow(counts.listeners);
}

}  // namespace postern::metrics
