// What an HTTP/2 connection has to know of its listener or upstream, in the units that it uses.
// Made once per listener or cluster and generation, immutable; connections share it.
#pragma once

#include <cstdint>

namespace postern::wire {

struct H2Settings {
  bool cleartext = false;  // listeners: a plain connection may begin with HTTP/2
  bool only = false;       // listeners: there is no HTTP/1 here
  std::uint32_t max_streams = 100;
  std::uint32_t stream_window = 256 * 1024;
  std::uint32_t connection_window = 1024 * 1024;
  std::uint32_t max_header_bytes = 32 * 1024;
  std::uint32_t max_header_fields = 100;
  std::uint32_t max_glitches = 100;
  std::int64_t write_timeout_ms = 30'000;
};

}  // namespace postern::wire
