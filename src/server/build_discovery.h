// Checks of settings that only the sources of endpoints can make. Control thread.
#pragma once

#include <vector>

#include "config/load.h"

namespace postern::server {

/// Complains about the upstream at `position` when its source is unknown or lacks something.
void check_discovery(const config::LoadResult& loaded, std::size_t position,
                     std::vector<config::Diagnostic>& diagnostics);

}  // namespace postern::server
