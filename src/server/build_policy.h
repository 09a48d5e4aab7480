// SnapshotBuilder's part on policies: compiles them, and finds each route's. Used at start, reload and check. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "config/load.h"
#include "proxy/snapshot.h"

namespace postern::server {

/// Fills out.policies and out.route_policies; complains about every rule that does not compile.
void build_policies(const config::LoadResult& loaded, std::size_t cores, proxy::Snapshot& out,
                    std::vector<config::Diagnostic>& diagnostics);

}  // namespace postern::server
