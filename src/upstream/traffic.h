// What a cluster knows of the requests to all of its endpoints: how many extra tries they have left, how long answers
// took lately, and who waits for a place. Part of Cluster; the forwarder asks. One core only.
#pragma once

#include <cstdint>
#include <optional>

#include "base/random.h"
#include "upstream/recent_quantile.h"
#include "upstream/try_budget.h"
#include "upstream/wait_queue.h"

namespace postern::upstream {

struct QueueSettings {
  std::uint32_t max_waiting = 0;
  std::int64_t max_wait_ms = 0;
};

struct Traffic {
  explicit Traffic(bool limited_endpoints, std::optional<QueueSettings> settings)
      : limited(limited_endpoints), queue_settings(settings) {}

  const bool limited;  // endpoints may be full
  const std::optional<QueueSettings> queue_settings;
  WaitQueue queue;
  TryBudget budget;
  RecentQuantile latency;  // from the first try to the head; only of routes that hedge by it
  Random random;
};

}  // namespace postern::upstream
