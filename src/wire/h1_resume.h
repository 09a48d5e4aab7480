// A head that arrives in pieces: judging only what is new, so that one byte at a time costs no more than all at once,
// and the limits that end the reading. Called by h1_parse.cc only; pure functions, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "http/fields.h"
#include "wire/h1_fields.h"
#include "wire/h1_parse.h"

namespace postern::wire {

// The two places where a limit ends the reading. Reading up to the limit and finding no end is the violation, so the
// verdict is the same however much lies behind it.
struct Bounds {
  const char* first;       // the first line
  const char* first_stop;  // where the first line must have ended
  const char* end;
};

Bounds bounds_of(const char* first, const char* end, const HeadLimits& limits) noexcept;

/// `from + limit`, or `end` where that comes first.
const char* clamp_end(const char* from, const char* end, std::size_t limit) noexcept;

/// All bytes that a first line may have are there, and (the caller found) no end among them.
bool line_too_long(const Bounds& b, const HeadLimits& limits) noexcept;

enum class Resume : std::uint8_t { parse, wait, line_too_long, headers_too_long, broken };

/// Judges only what came after `scanned` bytes of the line region; `parse` when a whole parse has to look.
/// Lines before were judged when they came, so the work over all calls stays linear.
Resume resume(const Bounds& b, const char* scanned, const HeadLimits& limits, UnderscoreRule underscores,
              http::Fields& scratch, const char*& reason) noexcept;

}  // namespace postern::wire
