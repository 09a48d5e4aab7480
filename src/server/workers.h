// How many cores to run, and the process's limits. Start-up only.
#pragma once

#include <cstddef>

namespace postern::server {

/// CPUs that this process may use: its affinity mask, cut to the cgroup's quota (rounded up). At least 1.
std::size_t usable_cpus();

/// Keys and tokens stand in memory: no core dumps, and no debugger of the same user. (Sanitizer builds excepted: the
/// leak check attaches like a debugger.)
void protect_memory() noexcept;

/// Open files up to the hard limit.
void raise_file_limit() noexcept;

}  // namespace postern::server
