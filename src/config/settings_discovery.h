// Where an upstream's endpoints come from, as the config says it. Part of settings.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace postern::config {

enum class AddressFamily : std::uint8_t { any, ipv4, ipv6 };

struct Discovery {
  std::string kind;  // a source's name: src/discovery/source_*.cc; "static": what stands in `endpoints`
  std::string name;  // what is asked for: "models.internal:9000", "_http._tcp.models.internal"
  std::string file;
  std::chrono::milliseconds min_ttl{};
  std::chrono::milliseconds max_ttl{};
  std::chrono::milliseconds refresh{};  // where an answer does not say how long it holds
  std::chrono::milliseconds timeout{};
  std::vector<std::string> servers;  // empty: the system's
  AddressFamily family = AddressFamily::any;

  friend bool operator==(const Discovery&, const Discovery&) = default;
};

}  // namespace postern::config
