// Upstreams for tests: n endpoints at 127.0.0.1:1, :2 and so on.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/socket_address.h"
#include "upstream/shared_upstream.h"

namespace postern::test {

inline upstream::EndpointSpec endpoint_at(int port, std::uint32_t weight = 1, std::uint32_t priority = 0,
                                          std::string zone = "") {
  return {"127.0.0.1:" + std::to_string(port), *net::ip_address("127.0.0.1", static_cast<std::uint16_t>(port)), weight,
          priority, std::move(zone)};
}

inline std::vector<upstream::EndpointSpec> endpoints_at(int first, int last) {
  std::vector<upstream::EndpointSpec> out;
  for (int port = first; port <= last; ++port) out.push_back(endpoint_at(port));
  return out;
}

inline std::shared_ptr<upstream::SharedUpstream> shared_upstream(std::vector<upstream::EndpointSpec> endpoints) {
  auto shared = std::make_shared<upstream::SharedUpstream>("u");
  shared->assign(std::move(endpoints));
  return shared;
}

}  // namespace postern::test
