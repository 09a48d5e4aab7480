// Looks a name up without holding a loop: getaddrinfo() waits on a thread of its own, which is left behind when it
// takes too long (it cannot be cancelled). For the few names of the control plane; upstreams have a resolver of theirs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/task.h"
#include "net/loop.h"
#include "net/socket_address.h"

namespace postern::net {

/// Empty: not found, not in time, or `cancelled` while it waited. An IP address needs no thread.
Task<std::vector<SocketAddress>> resolve(Loop& loop, std::string host, std::uint16_t port, std::int64_t timeout_ms,
                                         const bool& cancelled);

}  // namespace postern::net
