// Time as the request path sees it: monotonic nanoseconds, read through the vDSO.
// Plain functions; whoever needs a fake clock takes a TimePoint as an argument instead of calling now().
#pragma once

#include <ctime>

#include <chrono>
#include <cstdint>

namespace postern {

using Nanoseconds = std::int64_t;

/// Exact; 23 ns here. For latencies.
inline Nanoseconds now_ns() noexcept {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<Nanoseconds>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

/// Up to 4 ms old; a quarter of the cost. For timeouts.
inline std::int64_t coarse_now_ms() noexcept {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
}

}  // namespace postern
