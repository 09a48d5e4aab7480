// Opens listening sockets, or takes those that were open before this process began: one per core for TCP
// (SO_REUSEPORT), one for all where the address is a Unix path or the socket came from systemd.
// Control thread only; errors are one line for a person. The descriptors are the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"

namespace postern::server {

struct ListenSockets {
  std::vector<int> fds;  // the n-th is for core n modulo their number: at least one per core
  std::string error;     // empty: fine
};

/// `inherited` are open already, for this listener; none may be left out, or whoever waits at it waits for ever.
ListenSockets open_listener(const config::Listener& listener, std::size_t cores, std::vector<int> inherited = {});

/// What tells one socket from another over reloads and upgrades: the address, and the name where any port will do.
std::string socket_key(const config::Listener& listener);

}  // namespace postern::server
