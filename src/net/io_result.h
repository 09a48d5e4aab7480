// What one non-blocking read or write came to. Value; returned by sockets and TLS sessions alike.
#pragma once

#include <cstddef>
#include <cstdint>

namespace postern::net {

enum class IoStatus : std::uint8_t {
  ok,          // `bytes` moved (for a write: maybe fewer than asked)
  want_read,   // nothing moved; wait until the descriptor is readable
  want_write,  // nothing moved; wait until it is writable
  eof,         // orderly end (FIN, close_notify)
  error,       // reset, TLS failure: the connection is unusable
};

struct IoResult {
  std::size_t bytes = 0;
  IoStatus status = IoStatus::ok;
};

}  // namespace postern::net
