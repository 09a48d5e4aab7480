// A header field and the names that postern itself has to know.
// Views only: the bytes belong to whoever read or built the message. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::http {

/// Fields that some step looks at; everything else is `other` and passes by name.
enum class FieldId : std::uint8_t {
  other,
  accept,
  accept_encoding,
  authorization,
  cache_control,
  connection,
  content_encoding,
  content_length,
  content_type,
  cookie,
  date,
  expect,
  forwarded,
  host,
  incremental,
  keep_alive,
  location,
  max_forwards,
  origin,
  proxy_authenticate,
  proxy_authorization,
  proxy_connection,
  range,
  server,
  set_cookie,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
  via,
  x_accel_buffering,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_port,
  x_forwarded_proto,
  x_real_ip,
  x_request_id,
};

/// The id of a field name in any case. One length switch and one compare; no allocation.
FieldId field_id(std::string_view name) noexcept;

/// The canonical spelling ("Content-Length"); empty for `other`.
std::string_view field_name(FieldId id) noexcept;

/// ASCII case-insensitive equality, for names and for token values.
bool iequals(std::string_view a, std::string_view b) noexcept;

struct Field {
  std::string_view name;
  std::string_view value;
  FieldId id = FieldId::other;
};

}  // namespace postern::http
