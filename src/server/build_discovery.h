// Endpoints as sources find them, and as upstreams have them.
#pragma once

#include <vector>

#include "discovery/finder.h"
#include "upstream/shared_upstream.h"

namespace postern::server {

std::vector<upstream::EndpointSpec> to_specs(const discovery::Endpoints& found);

}  // namespace postern::server
