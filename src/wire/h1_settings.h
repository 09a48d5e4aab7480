// What an HTTP/1 server connection has to know of its listener, in the units that it uses.
// Made once per listener and generation, immutable; connections share it.
#pragma once

#include <cstdint>

#include "http/uri.h"
#include "wire/h1_parse.h"

namespace postern::wire {

struct H1Settings {
  HeadLimits limits;
  http::UriPolicy uri;
  http::Scheme scheme = http::Scheme::http;
  std::uint64_t max_body = 0;  // 0: none
  std::int64_t header_timeout_ms = 10'000;
  std::int64_t body_timeout_ms = 30'000;
  std::int64_t write_timeout_ms = 30'000;
  std::int64_t keepalive_timeout_ms = 75'000;
};

}  // namespace postern::wire
