// A Node tree to Settings by way of the schema: unknown keys, types, ranges, value checks, required keys.
// Called by load() only. What concerns several keys at once is validate's.
#pragma once

#include <string>

#include "config/diagnostic.h"
#include "config/environment.h"
#include "config/node.h"
#include "config/report.h"
#include "config/schema.h"
#include "config/settings.h"

namespace postern::config {

/// Fills `settings` (defaults included) and `origins`; every mistake goes into `report`, and its key keeps its default.
/// `directory` is what relative file names are seen from.
void read_settings(const Node& root, const Environment& environment, const std::string& directory, Settings& settings,
                   Origins& origins, Report& report);

}  // namespace postern::config
