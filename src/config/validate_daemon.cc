// Cross checks on overload and watchdog.
#include <fmt/format.h>

#include "config/validate.h"

namespace postern::config {
namespace {

/// A later stage that begins before an earlier one would turn the order round.
void check_order(const OverloadStage& first, const OverloadStage& then, const std::string& first_name,
                 const std::string& name, Report& report) {
  const auto check = [&](std::uint64_t earlier, std::uint64_t later, const char* key) {
    const std::string path = fmt::format("overload.{}.{}", name, key);
    if (later == 0 || earlier == 0 || report.is_faulty(path)) return;
    if (later < earlier) report.add(path, fmt::format("begins before overload.{}", first_name));
  };
  check(first.memory, then.memory, "memory");
  check(first.files, then.files, "files");
  check(static_cast<std::uint64_t>(first.lag.count()), static_cast<std::uint64_t>(then.lag.count()), "lag");
}

}  // namespace

void validate_daemon(const Settings& settings, Report& report) {
  const Overload& overload = settings.overload;
  if (overload.enabled) {
    check_order(overload.close_idle, overload.refuse_connections, "close_idle", "refuse_connections", report);
    check_order(overload.refuse_connections, overload.refuse_requests, "refuse_connections", "refuse_requests", report);
  }
  const auto stuck = settings.watchdog.stuck_after.count();
  if (stuck != 0 && stuck < 1000 && !report.is_faulty("watchdog.stuck_after")) {
    report.add("watchdog.stuck_after", "a busy worker would count as stuck", "0, or at least 1s");
  }
}

}  // namespace postern::config
