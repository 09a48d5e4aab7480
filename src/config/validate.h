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
/// On one upstream's endpoints and whose turn it is, in validate_balance.cc.
void validate_balance(const Settings& settings, const Upstream& upstream, const std::string& path, Report& report);

/// validate's part on routes, in validate_routes.cc.
void validate_routes(const Settings& settings, const Origins& origins, Report& report);
/// On policies, roles and who may use which route, in validate_policy.cc.
void validate_policy(const Settings& settings, const Origins& origins, Report& report);
/// Retries, hedges, queues: validate_failures.cc.
void validate_failures(const Settings& settings, Report& report);
/// And on tracing and drift, in validate_trace.cc.
void validate_trace(const Settings& settings, Report& report);
/// validate's part on overload and watchdog, in validate_daemon.cc.
void validate_daemon(const Settings& settings, Report& report);

/// validate's parts on limits and the audit trail, and the routes that use them: validate_audit.cc.
void validate_limits(const Settings& settings, const Origins& origins, Report& report);
void validate_audit(const Settings& settings, const Origins& origins, Report& report);

/// validate's part on where an upstream's endpoints come from, in validate_discovery.cc.
void validate_discovery(const Upstream& upstream, const std::string& path, const Origins& origins, Report& report);

/// validate's part on the logs, in validate_logs.cc.
void validate_logs(const Settings& settings, Report& report);

/// On issuers, and who names them, in validate_identity.cc.
void validate_identity(const Settings& settings, const Origins& origins, Report& report);

}  // namespace postern::config
