// Settings on whose turn it is: balancers, endpoints with more to say than an address, sticky clients.
// Part of settings.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace postern::config {

struct UpstreamBalance {
  std::string kind;  // a balancer's name, see `postern list balancers`
  std::string key;   // "client", "header:NAME", "cookie:NAME", "path:NAME", "body"; empty: none
  std::chrono::milliseconds slow_start{};
  std::uint32_t panic_threshold = 50;  // percent
};

/// The long form of an item of `endpoints`.
struct UpstreamEndpoint {
  std::string address;
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::string zone;
};

struct UpstreamSticky {
  std::string cookie;
  std::string key_file;                 // empty: a key of this process
  std::chrono::milliseconds max_age{};  // 0: until the browser closes
};

}  // namespace postern::config
