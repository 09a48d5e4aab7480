// Opens listening sockets: one per core for TCP (SO_REUSEPORT), one for all where the address is a Unix path.
// Control thread only; errors are one line for a person. The descriptors are the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"

namespace postern::server {

struct ListenSockets {
  std::vector<int> fds;  // one per core
  std::string error;     // empty: fine
};

ListenSockets open_listener(const config::Listener& listener, std::size_t cores);

}  // namespace postern::server
