// Where a request stands in a trace, and the spellings of that: W3C traceparent and tracestate, B3 in one header and in
// several, X-Ray. Pure functions over views, for hostile bytes: bounded, nothing allocated. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::trace {

struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  [[nodiscard]] bool is_valid() const noexcept { return (high | low) != 0; }
  friend bool operator==(const TraceId&, const TraceId&) = default;
};

using SpanId = std::uint64_t;  // 0: none

enum class Sampling : std::uint8_t { undecided, no, yes };

struct Context {
  TraceId trace;    // invalid: B3 may bring a decision alone
  SpanId span = 0;  // the caller's; 0: X-Ray's root alone, as a load balancer that makes no spans sends it
  Sampling sampling = Sampling::undecided;

  friend bool operator==(const Context&, const Context&) = default;
};

inline constexpr std::size_t kTraceparentSize = 55;
inline constexpr std::size_t kB3Size = 32 + 1 + 16 + 2;
inline constexpr std::size_t kXraySize = 5 + 35 + 8 + 16 + 10;  // without fields of others
inline constexpr std::size_t kMaxXray = 512;                    // longer ones are not read

/// Levels 1 and 2, and the beginning of versions to come.
std::optional<Context> parse_traceparent(std::string_view text) noexcept;
/// One tracestate field's members added to `members`; false: the whole list must go.
bool check_tracestate(std::string_view text, std::size_t& members) noexcept;
inline constexpr std::size_t kMaxTracestateMembers = 32;

/// "trace-span", "trace-span-1", "trace-span-1-parent", or "0", "1", "d" alone.
std::optional<Context> parse_b3(std::string_view text) noexcept;
/// X-B3-TraceId, -SpanId, -Sampled and -Flags; empty: not there.
std::optional<Context> parse_b3(std::string_view trace, std::string_view span, std::string_view sampled,
                                std::string_view flags) noexcept;

std::optional<Context> parse_xray(std::string_view text) noexcept;

// Writers return the end of what they wrote.
char* write_hex(char* out, std::uint64_t value) noexcept;
char* write_hex(char* out, TraceId id) noexcept;
char* write_traceparent(char* out, TraceId trace, SpanId span, bool sampled) noexcept;
char* write_b3(char* out, TraceId trace, SpanId span, bool sampled) noexcept;
/// "Root=...;Parent=...;Sampled=...": kXraySize.
char* write_xray(char* out, TraceId trace, SpanId span, bool sampled) noexcept;
/// The fields of an incoming header that are not ours to write (Self, Lineage), each after a ";"; at most `room` bytes,
/// whole fields only.
char* write_xray_rest(char* out, std::size_t room, std::string_view incoming) noexcept;

}  // namespace postern::trace
