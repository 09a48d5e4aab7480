// What no single value shows: names that lead nowhere, duplicates, routes without an action or without effect.
// Called by load() only, after read_settings; skips whatever hangs on a key that is faulty already.
#pragma once

#include "config/diagnostic.h"
#include "config/report.h"
#include "config/settings.h"

namespace postern::config {

void validate(const Settings& settings, const Origins& origins, Report& report);

/// validate's part on an upstream's checks and ejection, in validate_health.cc. `path`: the upstream's.
void validate_health(const Upstream& upstream, const std::string& path, Report& report);

/// validate's part on routes, in validate_routes.cc.
void validate_routes(const Settings& settings, const Origins& origins, Report& report);
/// validate's part on overload and watchdog, in validate_daemon.cc.
void validate_daemon(const Settings& settings, Report& report);

}  // namespace postern::config
