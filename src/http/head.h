// Message heads as values: what a request or a response says before its body, whatever wire it came on.
// Views into the connection's buffers; valid while the exchange that carries them lives. One core only.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/fields.h"

namespace postern::http {

enum class Method : std::uint8_t { other, get, head, post, put, del, connect, options, trace, patch, query };

Method method_of(std::string_view token) noexcept;
/// RFC 9110 9.2.2: GET HEAD PUT DELETE OPTIONS TRACE QUERY.
bool is_idempotent(Method method) noexcept;

enum class Scheme : std::uint8_t { http, https };

/// How a body is delimited; decided once, where the head is parsed, never again.
enum class Framing : std::uint8_t {
  none,         // no body
  length,       // content_length bytes
  chunked,      // until the last chunk (HTTP/1.1) or END_STREAM (HTTP/2 without content-length)
  until_close,  // responses of HTTP/1, and both directions of a tunnel
};

struct RequestHead {
  std::string_view method_token;
  std::string_view target;     // as received
  std::string_view authority;  // host[:port] as received: the Host field or the absolute form's; never both unequal
  std::string_view host;       // authority without port
  std::string_view path;       // normalised, starts with '/', without query; what is matched is what is sent
  std::string_view query;      // with its '?', or empty
  // What the client wants the connection (HTTP/1 Upgrade) or the stream (RFC 8441) to become: "websocket", or empty.
  // Method and framing are then GET and until_close on every wire, and the answer that agrees is a 101.
  std::string_view protocol;
  Fields fields;
  std::uint64_t content_length = 0;
  Method method = Method::other;
  Scheme scheme = Scheme::http;
  Framing framing = Framing::none;
  std::uint8_t minor_version = 1;  // HTTP/1.x; 2 means HTTP/2
  bool keep_alive = true;
  bool expect_continue = false;
  bool accepts_trailers = false;  // TE: trailers
};

struct ResponseHead {
  std::uint16_t status = 0;
  std::string_view reason;
  Fields fields;
  std::uint64_t content_length = 0;
  Framing framing = Framing::none;
  std::uint8_t minor_version = 1;
  bool keep_alive = true;
};

}  // namespace postern::http
