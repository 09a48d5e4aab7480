// W3C Trace Context, levels 1 and 2: https://www.w3.org/TR/trace-context-2/.
#include "trace/hex.h"

namespace postern::trace {
namespace {

constexpr std::size_t kMaxMember = 256;  // of a key, and of a value
constexpr std::size_t kMaxTenant = 241;
constexpr std::size_t kMaxSystem = 14;

bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_key_part(std::string_view text, std::size_t most) noexcept {
  if (text.empty() || text.size() > most || !(is_lower(text.front()) || is_digit(text.front()))) return false;
  for (const char c : text) {
    if (!is_lower(c) && !is_digit(c) && c != '_' && c != '-' && c != '*' && c != '/') return false;
  }
  return true;
}

bool is_key(std::string_view key) noexcept {
  const std::size_t at = key.find('@');
  if (at == std::string_view::npos) return is_key_part(key, kMaxMember);
  const std::string_view system = key.substr(at + 1);
  return is_key_part(key.substr(0, at), kMaxTenant) && is_key_part(system, kMaxSystem) && is_lower(system.front());
}

bool is_value(std::string_view value) noexcept {
  if (value.empty() || value.size() > kMaxMember || value.back() == ' ') return false;
  for (const char c : value) {
    if (c < ' ' || c > '~' || c == '=') return false;
  }
  return true;
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<Context> parse_traceparent(std::string_view text) noexcept {
  if (text.size() < kTraceparentSize || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const auto version = parse_hex(text.substr(0, 2));
  if (!version || *version == 0xff) return std::nullopt;
  // Version 0 ends here; later ones may say more behind another dash.
  if (text.size() > kTraceparentSize && (*version == 0 || text[kTraceparentSize] != '-')) return std::nullopt;
  const auto trace = parse_trace_id(text.substr(3, 32));
  const auto span = parse_span_id(text.substr(36, 16));
  const auto flags = parse_hex(text.substr(53, 2));
  if (!trace || !span || !flags) return std::nullopt;
  return Context{*trace, *span, (*flags & 1) != 0 ? Sampling::yes : Sampling::no};
}

bool check_tracestate(std::string_view text, std::size_t& members) noexcept {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view member = trim(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    if (member.empty()) continue;
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos || ++members > kMaxTracestateMembers) return false;
    if (!is_key(member.substr(0, equals)) || !is_value(member.substr(equals + 1))) return false;
  }
  return true;
}

char* write_hex(char* out, std::uint64_t value) noexcept {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) *out++ = kDigits[(value >> shift) & 15];
  return out;
}

char* write_hex(char* out, TraceId id) noexcept { return write_hex(write_hex(out, id.high), id.low); }

char* write_traceparent(char* out, TraceId trace, SpanId span, bool sampled) noexcept {
  *out++ = '0';
  *out++ = '0';
  *out++ = '-';
  out = write_hex(out, trace);
  *out++ = '-';
  out = write_hex(out, span);
  *out++ = '-';
  *out++ = '0';
  *out++ = sampled ? '1' : '0';
  return out;
}

}  // namespace postern::trace
