// AWS X-Ray's X-Amzn-Trace-Id: fields in any order, of which three are ours. "Root" alone is what a load balancer sends
// that makes no spans of its own: the trace goes on all the same.
#include <cstring>

#include "trace/hex.h"

namespace postern::trace {
namespace {

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// The next field off the front of `text`, trimmed.
std::string_view take_field(std::string_view& text) noexcept {
  const std::size_t end = text.find(';');
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return trim(field);
}

/// "1-5759e988-bd862e3fe1be46a994272793": version, seconds, the rest.
std::optional<TraceId> parse_root(std::string_view text) noexcept {
  if (text.size() != 35 || !text.starts_with("1-") || text[10] != '-') return std::nullopt;
  const auto seconds = parse_hex(text.substr(2, 8));
  const auto middle = parse_hex(text.substr(11, 8));
  const auto low = parse_hex(text.substr(19));
  if (!seconds || !middle || !low) return std::nullopt;
  const TraceId id{*seconds << 32 | *middle, *low};
  if (!id.is_valid()) return std::nullopt;
  return id;
}

char* put(char* out, std::string_view text) noexcept {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

bool is_ours(std::string_view field) noexcept {
  return field.starts_with("Root=") || field.starts_with("Parent=") || field.starts_with("Sampled=");
}

}  // namespace

std::optional<Context> parse_xray(std::string_view text) noexcept {
  if (text.size() > kMaxXray) return std::nullopt;
  Context context;
  while (!text.empty()) {
    const std::string_view field = take_field(text);
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = field.substr(0, equals);
    const std::string_view value = field.substr(equals + 1);
    if (key == "Root") {
      const auto root = parse_root(value);
      if (!root || context.trace.is_valid()) return std::nullopt;
      context.trace = *root;
    } else if (key == "Parent") {
      const auto parent = parse_span_id(value);
      if (!parent || context.span != 0) return std::nullopt;
      context.span = *parent;
    } else if (key == "Sampled") {
      context.sampling = value == "1" ? Sampling::yes : value == "0" ? Sampling::no : Sampling::undecided;
    }
  }
  if (!context.trace.is_valid()) return std::nullopt;
  return context;
}

char* write_xray(char* out, TraceId trace, SpanId span, bool sampled) noexcept {
  char digits[16];
  write_hex(digits, trace.high);
  out = put(out, "Root=1-");
  out = put(out, {digits, 8});
  *out++ = '-';
  out = put(out, {digits + 8, 8});
  out = write_hex(out, trace.low);
  out = put(out, ";Parent=");
  out = write_hex(out, span);
  return put(out, sampled ? ";Sampled=1" : ";Sampled=0");
}

char* write_xray_rest(char* out, std::size_t room, std::string_view incoming) noexcept {
  while (!incoming.empty()) {
    const std::string_view field = take_field(incoming);
    if (field.empty() || is_ours(field) || field.size() + 1 > room) continue;
    *out++ = ';';
    out = put(out, field);
    room -= field.size() + 1;
  }
  return out;
}

}  // namespace postern::trace
