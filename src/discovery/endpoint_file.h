// The file of endpoints: {"endpoints": [{"address": "10.0.0.1:9000", "weight": 1, "priority": 0, "zone": "a"}]}.
// Strict: an unknown, doubled or wrong member makes the whole file invalid, since half a list is worse than the old
// one. Pure; any bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postern/discovery.h"

namespace postern::discovery {

inline constexpr std::size_t kMostFileBytes = 1 << 20;
inline constexpr std::uint64_t kMostWeight = 65'535;
inline constexpr std::uint64_t kMostPriority = 65'535;

struct EndpointFile {
  std::string error;  // empty: it is good
  std::vector<FoundEndpoint> endpoints;
};

EndpointFile parse_endpoint_file(std::string_view text);

}  // namespace postern::discovery
