// From settings to what checks and ejection work with. Called by the SnapshotBuilder; pure.
#pragma once

#include "config/settings.h"
#include "upstream/health.h"
#include "upstream/outlier.h"

namespace postern::server {

upstream::HealthSpec health_spec(const config::UpstreamHealth& health);
upstream::EjectionSpec ejection_spec(const config::UpstreamEjection& ejection);

}  // namespace postern::server
