// Trace headers among a request's fields: found in one pass, read in the configured order, taken off, and written anew
// for the upstream. No allocation; one core only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/fields.h"
#include "trace/context.h"

namespace postern::trace {

/// In the order of the words of trace.inject.
enum class Format : std::uint8_t { w3c, b3, b3_multi, xray };

class FormatSet {
 public:
  constexpr void add(Format format) noexcept { bits_ = static_cast<std::uint8_t>(bits_ | bit(format)); }
  [[nodiscard]] constexpr bool has(Format format) const noexcept { return (bits_ & bit(format)) != 0; }

 private:
  static constexpr std::uint8_t bit(Format format) noexcept {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(format));
  }
  std::uint8_t bits_ = 0;
};

/// What a request brings. A header that stands there twice counts as not there.
struct Headers {
  std::string_view traceparent;
  std::string_view b3;
  std::string_view b3_trace;
  std::string_view b3_span;
  std::string_view b3_sampled;
  std::string_view b3_flags;
  std::string_view xray;
  std::string_view state;      // tracestate, where it is one line
  bool any = false;            // trace headers of any kind, or baggage
  bool has_good_state = true;  // tracestate, all lines of it
};

Headers find_headers(const http::Fields& fields) noexcept;

struct Incoming {
  Context context;
  Format format = Format::w3c;
  bool found = false;  // context is something to go by
};

/// The first of `order` that is there and valid.
Incoming read_headers(const Headers& headers, std::span<const Format> order) noexcept;

/// Takes all of them off.
void strip_headers(http::Fields& fields, bool keep_tracestate, bool keep_baggage) noexcept;

/// The headers for upstreams. Its texts stay in place while the request lasts; set_span() changes the digits of the
/// span in all of them, so that each try names its own.
class Outgoing {
 public:
  /// `xray`: an incoming header whose other fields are to be passed on.
  void prepare(FormatSet formats, TraceId trace, SpanId server_span, bool sampled, std::string_view xray) noexcept;
  /// False: no room.
  bool add_to(http::Fields& fields) noexcept;
  void set_span(SpanId span) noexcept;
  /// 32 digits; empty before prepare().
  [[nodiscard]] std::string_view trace_id() const noexcept {
    return is_prepared_ ? std::string_view(traceparent_.data() + 3, 32) : std::string_view();
  }

 private:
  static constexpr std::size_t kXrayRest = 182;

  FormatSet formats_;
  bool is_prepared_ = false;
  bool sampled_ = false;
  std::uint16_t xray_size_ = 0;
  std::array<char, kTraceparentSize> traceparent_;
  std::array<char, 16> parent_;
  std::array<char, kB3Size> b3_;
  std::array<char, kXraySize + kXrayRest> xray_;
};

}  // namespace postern::trace
