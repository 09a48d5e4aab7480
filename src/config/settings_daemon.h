// Settings of the process's own survival: what it does under overload, with a core that is stuck, and at an upgrade.
// Part of Settings; plain values, see settings.h.
#pragma once

#include <chrono>
#include <cstdint>

namespace postern::config {

enum class WatchdogAction : std::uint8_t { automatic, log, abort };

/// From which values on a stage of overload is in force; 0: never for that reason.
struct OverloadStage {
  std::uint32_t memory = 0;  // percent of the limit
  std::uint32_t files = 0;   // percent of the limit
  std::chrono::milliseconds lag{};
};

struct Overload {
  bool enabled = true;
  std::uint64_t memory_limit = 0;  // bytes; 0: the cgroup's or the machine's
  std::chrono::milliseconds retry_after{};
  OverloadStage close_idle;
  OverloadStage refuse_connections;
  OverloadStage refuse_requests;
};

struct Watchdog {
  std::chrono::milliseconds stuck_after{};  // 0: off
  WatchdogAction action = WatchdogAction::automatic;
};

struct Upgrade {
  std::chrono::milliseconds ready_timeout{};
};

}  // namespace postern::config
