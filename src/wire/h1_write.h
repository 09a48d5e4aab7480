// Canonical HTTP/1 serialisation: heads and chunk framing as postern itself spells them, never as received.
// The HTTP/1 connections of both sides call it on their core, after reserving the bound once. No allocation.
// Trusts its views: names, values and targets come from the parser, or from config that was checked at load.
// Framing fields come from head.framing alone; hop-by-hop fields in head.fields are left out (see kHopByHop).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/head.h"

namespace postern::wire {

struct RequestWrite {
  std::string_view host{};       // what Host says; head.authority where empty
  bool close = false;            // Connection: close
  bool te_trailers = false;      // TE: trailers, and its Connection option
  bool expect_continue = false;  // Expect: 100-continue
  // Asks for a WebSocket with this key: the fields of the handshake are ours, whatever head.fields says of them.
  std::string_view websocket_key{};
};

enum class Persistence : std::uint8_t { implied, close, keep_alive };  // keep_alive is for clients of HTTP/1.0

struct ResponseWrite {
  Persistence connection = Persistence::implied;
  bool to_head = false;  // it answers a HEAD: an informational Content-Length may stay
  // A 101 that agrees to a WebSocket, with this Sec-WebSocket-Accept: no framing, the connection is the tunnel's.
  std::string_view websocket_accept{};
  bool offer_websocket = false;  // a 426 has to name the protocol
};

/// Never less than what write_request_head() writes with the same arguments.
std::size_t request_head_bound(const http::RequestHead& head, const RequestWrite& how) noexcept;
/// `METHOD path query HTTP/1.1`, Host, head.fields in order without those we write and without hop-by-hop ones, then
/// Content-Length or Transfer-Encoding as head.framing says (0 for a POST, PUT or PATCH without body), Connection, the
/// empty line. Returns the end. Writes no byte past `out + request_head_bound()`.
char* write_request_head(char* out, const http::RequestHead& head, const RequestWrite& how) noexcept;

std::size_t response_head_bound(const http::ResponseHead& head, const ResponseWrite& how) noexcept;
/// `HTTP/1.1 status reason` with the reason of our own table, head.fields as above, framing: length and chunked as they
/// say; until_close forces Connection: close; none is Content-Length: 0, except 1xx and 204 (no length at all) and
/// to_head and 304 (the Content-Length among head.fields when there is a sound one, else no length).
/// A client of HTTP/1.0 understands no chunks: the caller makes that until_close first.
char* write_response_head(char* out, const http::ResponseHead& head, const ResponseWrite& how) noexcept;

inline constexpr std::size_t kChunkPrefixMax = 18;  // 16 digits, CRLF
/// `size` in hex and CRLF. size > 0: a zero would end the body.
char* write_chunk_prefix(char* out, std::uint64_t size) noexcept;
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::size_t last_chunk_bound(const http::Fields& trailers) noexcept;
/// The last chunk with trailers (which the caller has filtered) and the final CRLF.
char* write_last_chunk(char* out, const http::Fields& trailers) noexcept;

/// Decimal without leading zeros, at most 20 bytes.
char* write_decimal(char* out, std::uint64_t value) noexcept;

}  // namespace postern::wire
