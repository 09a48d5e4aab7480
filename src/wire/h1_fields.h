// The field lines of an HTTP/1 head, and what they say about framing. Shared by the request and the response parser.
// Called by h1_parse.cc only; pure functions, no allocation.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/fields.h"
#include "http/hop.h"
#include "wire/h1_parse.h"

namespace postern::wire {

/// Why the bytes from `line` on are no sound line so far; null while they may still become one.
/// `complete` tells whether the CRLF was seen, and then `line_end` where it stands.
struct LineScan {
  const char* error = nullptr;
  const char* line_end = nullptr;
  bool complete = false;
};
LineScan scan_line(const char* line, const char* end, const char* base) noexcept;

struct FieldBlock {
  ParseStatus status = ParseStatus::need_more;
  const char* reason = nullptr;
  const char* end = nullptr;   // behind the empty line
  std::uint64_t seen = 0;      // bits of FieldIds that occur
  std::uint64_t repeated = 0;  // that occur more than once
  bool too_many = false;       // lines over the limit were checked but not kept
};

enum class UnderscoreRule : std::uint8_t { pass, drop, reject };

/// Reads lines from `line` (the start of one) to the empty line. `base` is the start of the readable bytes.
FieldBlock read_fields(const char* line, const char* end, const char* base, unsigned max_fields,
                       UnderscoreRule underscores, http::Fields& out) noexcept;

enum class TransferCoding : std::uint8_t { chunked, unsupported, malformed };
TransferCoding parse_transfer_encoding(std::string_view value) noexcept;

/// Plain decimal below 2^63, leading zeros allowed.
bool parse_content_length(std::string_view value, std::uint64_t& out) noexcept;

/// keep_alive as Connection and the version decide (RFC 9112 9.3).
bool decide_keep_alive(const http::Fields& fields, std::uint64_t seen, unsigned minor_version) noexcept;

}  // namespace postern::wire
