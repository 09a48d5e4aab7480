// Strict HTTP/1 head parser: bytes in a connection's buffer become a head of views, framing decided once.
// Called by the HTTP/1 connections of both sides on their core. Pure functions: no I/O, no allocation, no exceptions.
// The verdict depends on the bytes alone, never on how they were cut into reads: lines are judged in order, each when
// its end arrives (forbidden bytes and limits as soon as they are seen), and what concerns several lines at the end.
// Does not normalise the path (http/uri.h), does not read bodies (h1_chunked.h), does not strip hop-by-hop fields.
#pragma once

#include <cstddef>
#include <cstdint>

#include "config/settings.h"
#include "http/head.h"

namespace postern::wire {

struct HeadLimits {
  std::size_t request_line = 8192;   // bytes without CRLF; the status line of a response as well
  std::size_t header_bytes = 32768;  // everything after the first line up to and with the empty line
  unsigned fields = 100;             // at most http::Fields::kCapacity counts
  config::Underscores underscores = config::Underscores::reject;  // of requests; responses keep such names
};

enum class ParseStatus : std::uint8_t { complete, need_more, failed };

struct ParseResult {
  ParseStatus status = ParseStatus::need_more;
  std::size_t consumed = 0;       // complete: length of the head with its empty line (and a leading CRLF)
  std::uint16_t http_status = 0;  // failed: 400 414 417 431 501 505 for requests, 502 for responses
  const char* reason = nullptr;   // failed: static text, fit for a log and for a problem's detail
};

/// Reads one request head from the front of [data, data + size).
///
/// `already_scanned`: 0 on the first call for a message; after need_more, the `size` of that call (the bytes may have
/// moved, but not changed). It only saves time: the outcome is the same with 0.
/// Complete: every member of `out` is set; its views point into `data` (or at static text). `out.path` is the RAW path
/// ("*" for `OPTIONS *`, empty for CONNECT), `out.query` has its '?'; `out.host` keeps the brackets of an IPv6 literal;
/// `out.scheme` is the listener's. A Content-Length of 0 is Framing::none. `expect_continue` only with a body.
/// Not complete: `out` holds nothing of use.
/// After `failed` the connection is beyond repair: answer http_status, close, parse nothing more.
ParseResult parse_request_head(char* data, std::size_t size, std::size_t already_scanned, const HeadLimits& limits,
                               http::Scheme listener_scheme, http::RequestHead& out) noexcept;

/// The same for a response to `request_method`. An interim (1xx) head is a head of its own: framing none, and the final
/// one follows. HEAD, 1xx, 204 and 304 have framing none whatever their fields say; a Content-Length stays in `fields`
/// and in `content_length`. Any violation is 502.
ParseResult parse_response_head(char* data, std::size_t size, std::size_t already_scanned, const HeadLimits& limits,
                                http::Method request_method, http::ResponseHead& out) noexcept;

}  // namespace postern::wire
