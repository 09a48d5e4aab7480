// Heads and chunk framing as bytes. The bound is computed first, so nothing here checks for room. One core.
#include "wire/h1_write.h"

#include <bit>
#include <cstring>

#include "http/hop.h"
#include "http/reason.h"
#include "wire/h1_fields.h"
#include "wire/ws_handshake.h"

namespace postern::wire {
namespace {

using http::FieldId;

/// Fields that the writer makes itself, or that end at this hop.
constexpr std::uint64_t kNeverCopied = http::kHopByHop | http::bit(FieldId::content_length);
constexpr std::uint64_t kNeverCopiedRequest = kNeverCopied | http::bit(FieldId::host) | http::bit(FieldId::expect);

// Room for what the writer adds besides the views: versions, separators, framing, Connection, TE, Expect.
constexpr std::size_t kFixedPart = 256;

/// A copy that stays inline: most pieces are under 64 bytes, where a call costs more than the bytes.
inline char* put(char* out, const char* from, std::size_t n) noexcept {
  if (n >= 16) {
    if (n > 128) {
      std::memcpy(out, from, n);
      return out + n;
    }
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) __builtin_memcpy(out + i, from + i, 16);
    __builtin_memcpy(out + n - 16, from + n - 16, 16);
  } else if (n >= 8) {
    std::uint64_t head = 0;
    std::uint64_t tail = 0;
    __builtin_memcpy(&head, from, 8);
    __builtin_memcpy(&tail, from + n - 8, 8);
    __builtin_memcpy(out, &head, 8);
    __builtin_memcpy(out + n - 8, &tail, 8);
  } else if (n >= 4) {
    std::uint32_t head = 0;
    std::uint32_t tail = 0;
    __builtin_memcpy(&head, from, 4);
    __builtin_memcpy(&tail, from + n - 4, 4);
    __builtin_memcpy(out, &head, 4);
    __builtin_memcpy(out + n - 4, &tail, 4);
  } else {
    for (std::size_t i = 0; i < n; ++i) out[i] = from[i];
  }
  return out + n;
}
inline char* put(char* out, std::string_view text) noexcept { return put(out, text.data(), text.size()); }

template <std::size_t N>
inline char* put_literal(char* out, const char (&text)[N]) noexcept {
  __builtin_memcpy(out, text, N - 1);
  return out + N - 1;
}

char* put_fields(char* out, const http::Fields& fields, std::uint64_t left_out) noexcept {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const http::Field field = fields[i];
    if ((left_out & http::bit(field.id)) != 0) continue;
    out = put(out, field.name);
    out = put_literal(out, ": ");
    out = put(out, field.value);
    out = put_literal(out, "\r\n");
  }
  return out;
}

std::size_t fields_bound(const http::Fields& fields) noexcept {
  std::size_t n = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const http::Field field = fields[i];
    n += field.name.size() + field.value.size() + 4;
  }
  return n;
}

/// The fields of a handshake are made at each hop; all others pass.
char* put_handshake(char* out, const http::Fields& fields, std::string_view key) noexcept {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const http::Field field = fields[i];
    if ((kNeverCopiedRequest & http::bit(field.id)) != 0) continue;
    if (field.id == FieldId::other && is_ws_hop_field(field.name)) continue;
    out = put(out, field.name);
    out = put_literal(out, ": ");
    out = put(out, field.value);
    out = put_literal(out, "\r\n");
  }
  out = put_literal(out,
                    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
  out = put(out, key);
  return put_literal(out, "\r\n\r\n");
}

char* put_length(char* out, std::uint64_t length) noexcept {
  out = put_literal(out, "Content-Length: ");
  out = write_decimal(out, length);
  return put_literal(out, "\r\n");
}

bool expects_body(http::Method method) noexcept {
  return method == http::Method::post || method == http::Method::put || method == http::Method::patch;
}

char* put_response_framing(char* out, const http::ResponseHead& head, const ResponseWrite& how) noexcept {
  const bool never_length = head.status < 200 || head.status == 204;
  switch (head.framing) {
    case http::Framing::length:
      return never_length ? out : put_length(out, head.content_length);
    case http::Framing::chunked:
      return never_length ? out : put_literal(out, "Transfer-Encoding: chunked\r\n");
    case http::Framing::until_close:
      return out;
    case http::Framing::none:
      break;
  }
  if (never_length) return out;
  if (!how.to_head && head.status != 304) return put_length(out, 0);
  std::uint64_t length = 0;
  const std::string_view given = head.fields.find(FieldId::content_length);
  return parse_content_length(given, length) ? put_length(out, length) : out;
}

}  // namespace

char* write_decimal(char* out, std::uint64_t value) noexcept {
  char digits[20];
  char* p = digits + sizeof digits;
  while (value >= 100) {
    const auto pair = static_cast<unsigned>(value % 100);
    value /= 100;
    *--p = static_cast<char>('0' + pair % 10);
    *--p = static_cast<char>('0' + pair / 10);
  }
  if (value >= 10) {
    *--p = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  *--p = static_cast<char>('0' + value);
  const auto n = static_cast<std::size_t>(digits + sizeof digits - p);
  for (std::size_t i = 0; i < n; ++i) out[i] = p[i];
  return out + n;
}

std::size_t request_head_bound(const http::RequestHead& head, const RequestWrite& how) noexcept {
  return kFixedPart + head.method_token.size() + head.path.size() + head.query.size() + head.authority.size() +
         how.host.size() + fields_bound(head.fields);
}

char* write_request_head(char* out, const http::RequestHead& head, const RequestWrite& how) noexcept {
  out = put(out, head.method_token);
  *out++ = ' ';
  // CONNECT has no path but an authority; it is refused long before, and still must not come out malformed.
  out = put(out, head.path.empty() ? head.target : head.path);
  out = put(out, head.query);
  out = put_literal(out, " HTTP/1.1\r\nHost: ");
  out = put(out, how.host.empty() ? head.authority : how.host);
  out = put_literal(out, "\r\n");
  if (!how.websocket_key.empty()) return put_handshake(out, head.fields, how.websocket_key);
  out = put_fields(out, head.fields, kNeverCopiedRequest);
  switch (head.framing) {
    case http::Framing::length:
      out = put_length(out, head.content_length);
      break;
    case http::Framing::chunked:
      out = put_literal(out, "Transfer-Encoding: chunked\r\n");
      break;
    case http::Framing::none:
    case http::Framing::until_close:  // a tunnel's, and that has returned
      if (expects_body(head.method)) out = put_literal(out, "Content-Length: 0\r\n");
      break;
  }
  if (how.expect_continue) out = put_literal(out, "Expect: 100-continue\r\n");
  if (how.te_trailers) {
    out = how.close ? put_literal(out, "TE: trailers\r\nConnection: TE, close\r\n")
                    : put_literal(out, "TE: trailers\r\nConnection: TE\r\n");
  } else if (how.close) {
    out = put_literal(out, "Connection: close\r\n");
  }
  return put_literal(out, "\r\n");
}

std::size_t response_head_bound(const http::ResponseHead& head, const ResponseWrite&) noexcept {
  return kFixedPart + fields_bound(head.fields);
}

char* write_response_head(char* out, const http::ResponseHead& head, const ResponseWrite& how) noexcept {
  if (head.status == 200) {
    out = put_literal(out, "HTTP/1.1 200 OK\r\n");
  } else {
    out = put_literal(out, "HTTP/1.1 ");
    out = write_decimal(out, head.status);
    *out++ = ' ';
    out = put(out, http::reason_phrase(head.status));
    out = put_literal(out, "\r\n");
  }
  out = put_fields(out, head.fields, kNeverCopied);
  if (!how.websocket_accept.empty()) {
    out = put_literal(out, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ");
    out = put(out, how.websocket_accept);
    return put_literal(out, "\r\n\r\n");
  }
  out = put_response_framing(out, head, how);
  if (how.offer_websocket) return put_literal(out, "Upgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n");
  if (head.framing == http::Framing::until_close || how.connection == Persistence::close) {
    out = put_literal(out, "Connection: close\r\n");
  } else if (how.connection == Persistence::keep_alive) {
    out = put_literal(out, "Connection: keep-alive\r\n");
  }
  return put_literal(out, "\r\n");
}

char* write_chunk_prefix(char* out, std::uint64_t size) noexcept {
  const int digits = size == 0 ? 1 : (static_cast<int>(std::bit_width(size)) + 3) / 4;
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = "0123456789abcdef"[size & 15];
    size >>= 4;
  }
  out[digits] = '\r';
  out[digits + 1] = '\n';
  return out + digits + 2;
}

std::size_t last_chunk_bound(const http::Fields& trailers) noexcept { return 5 + fields_bound(trailers); }

char* write_last_chunk(char* out, const http::Fields& trailers) noexcept {
  out = put_literal(out, "0\r\n");
  out = put_fields(out, trailers, kNeverCopied | http::bit(FieldId::host));
  return put_literal(out, "\r\n");
}

}  // namespace postern::wire
