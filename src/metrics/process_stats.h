// What the kernel says about this process, from /proc. Called at scrape; a value that cannot be read is absent
// (no descriptor left, /proc not mounted).
#pragma once

#include <cstdint>
#include <optional>

namespace postern::metrics {

struct ProcessStats {
  std::optional<double> cpu_seconds;
  std::optional<double> start_time;  // Unix seconds
  std::optional<std::uint64_t> resident_bytes;
  std::optional<std::uint64_t> virtual_bytes;
  std::optional<std::uint64_t> threads;
  std::optional<std::uint64_t> open_fds;
  std::optional<std::uint64_t> max_fds;
};

ProcessStats read_process_stats();

}  // namespace postern::metrics
