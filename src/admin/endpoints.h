// The endpoints that every postern has: /metrics, /healthz, /readyz. Control thread.
#pragma once

#include <prometheus/collectable.h>

#include <functional>
#include <string_view>

#include "admin/server.h"

namespace postern::admin {

/// Why no new work should come here ("draining", "starting"), or empty: ready.
using ReadyCheck = std::function<std::string_view()>;

/// `metrics` outlives the server.
void add_standard_endpoints(Server& server, const prometheus::Collectable& metrics, ReadyCheck why_not_ready);

}  // namespace postern::admin
