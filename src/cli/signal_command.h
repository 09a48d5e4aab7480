// `postern signal WHAT PID`: tells a running postern something, and for a reload waits for what came of it. Main
// thread.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace postern::cli {

struct SignalRequest {
  std::string what;  // reload, reopen, upgrade or stop
  int pid = 0;
  std::string config;  // reload: the file that it will read; empty: nobody waits for the outcome
};

/// 0: done, or on its way where nobody can see more; 1: refused, or no such process; 2: the config is bad, and nothing
/// was sent.
int signal_command(const SignalRequest& request, std::ostream& err);

/// How many reloads went well and how many did not, from the text of /metrics.
struct ReloadCounts {
  double ok = 0;
  double failed = 0;
};
std::optional<ReloadCounts> parse_reload_counts(std::string_view metrics);

}  // namespace postern::cli
