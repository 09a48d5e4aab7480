// The polite end of a connection whose peer may still be sending: a reset would destroy the answer that is under way
// (RFC 9112 9.6). Servers of both wires. One core only.
#pragma once

#include "base/task.h"
#include "net/stream.h"

namespace postern::wire {

/// Ends our direction, then throws away what still comes: for two seconds and 1 MiB at the most.
Task<void> linger(net::Stream& stream);

}  // namespace postern::wire
