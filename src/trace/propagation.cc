// See propagation.h.
#include "trace/propagation.h"

namespace postern::trace {
namespace {

enum class Which : std::uint8_t {
  none,
  traceparent,
  tracestate,
  baggage,
  b3,
  b3_trace,
  b3_span,
  b3_parent,
  b3_sampled,
  b3_flags,
  xray
};

struct Known {
  std::string_view name;
  Which which;
};

constexpr Known kKnown[] = {
    {"traceparent", Which::traceparent},
    {"tracestate", Which::tracestate},
    {"baggage", Which::baggage},
    {"b3", Which::b3},
    {"X-B3-TraceId", Which::b3_trace},
    {"X-B3-SpanId", Which::b3_span},
    {"X-B3-ParentSpanId", Which::b3_parent},
    {"X-B3-Sampled", Which::b3_sampled},
    {"X-B3-Flags", Which::b3_flags},
    {"X-Amzn-Trace-Id", Which::xray},
};

/// Of all names that come by, few have one of these lengths and first letters.
Which which_of(const http::Field& field) noexcept {
  if (field.id != http::FieldId::other) return Which::none;
  const std::string_view name = field.name;
  const char first = static_cast<char>(name.empty() ? 0 : name.front() | 0x20);
  if (first != 't' && first != 'b' && first != 'x') return Which::none;
  for (const Known& known : kKnown) {
    if (known.name.size() == name.size() && http::iequals(known.name, name)) return known.which;
  }
  return Which::none;
}

/// Twice is once too often: nothing can be known, and the empty view stays.
class Once {
 public:
  void set(std::string_view& place, Which which, std::string_view value) noexcept {
    const unsigned bit = 1U << static_cast<unsigned>(which);
    place = (seen_ & bit) == 0 ? value : std::string_view();
    seen_ |= bit;
  }

 private:
  unsigned seen_ = 0;
};

std::optional<Context> read(const Headers& headers, Format format) noexcept {
  switch (format) {
    case Format::w3c:
      return parse_traceparent(headers.traceparent);
    case Format::b3:
      if (!headers.b3.empty()) return parse_b3(headers.b3);
      [[fallthrough]];
    case Format::b3_multi:
      return parse_b3(headers.b3_trace, headers.b3_span, headers.b3_sampled, headers.b3_flags);
    case Format::xray:
      return parse_xray(headers.xray);
  }
  return std::nullopt;
}

template <std::size_t n>
std::string_view view(const std::array<char, n>& text, std::size_t begin, std::size_t size) noexcept {
  return {text.data() + begin, size};
}

constexpr std::size_t kTraceparentTrace = 3;
constexpr std::size_t kTraceparentSpan = 36;
constexpr std::size_t kB3Span = 33;
constexpr std::size_t kXraySpan = 48;

}  // namespace

Headers find_headers(const http::Fields& fields) noexcept {
  Headers found;
  Once once;
  std::size_t members = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Which which = which_of(fields[i]);
    if (which == Which::none) continue;
    found.any = true;
    const std::string_view value = fields[i].value;
    switch (which) {
      case Which::traceparent:
        once.set(found.traceparent, which, value);
        break;
      case Which::tracestate:
        once.set(found.state, which, value);
        found.has_good_state = found.has_good_state && check_tracestate(value, members);
        break;
      case Which::b3:
        once.set(found.b3, which, value);
        break;
      case Which::b3_trace:
        once.set(found.b3_trace, which, value);
        break;
      case Which::b3_span:
        once.set(found.b3_span, which, value);
        break;
      case Which::b3_sampled:
        once.set(found.b3_sampled, which, value);
        break;
      case Which::b3_flags:
        once.set(found.b3_flags, which, value);
        break;
      case Which::xray:
        once.set(found.xray, which, value);
        break;
      case Which::none:
      case Which::baggage:
      case Which::b3_parent:
        break;
    }
  }
  return found;
}

Incoming read_headers(const Headers& headers, std::span<const Format> order) noexcept {
  if (!headers.any) return {};
  for (const Format format : order) {
    if (const auto context = read(headers, format)) return {*context, format, true};
  }
  return {};
}

void strip_headers(http::Fields& fields, bool keep_tracestate, bool keep_baggage) noexcept {
  fields.remove_if([&](const http::Field& field) {
    switch (which_of(field)) {
      case Which::none:
        return false;
      case Which::tracestate:
        return !keep_tracestate;
      case Which::baggage:
        return !keep_baggage;
      default:
        return true;
    }
  });
}

void Outgoing::prepare(FormatSet formats, TraceId trace, SpanId server_span, bool sampled,
                       std::string_view xray) noexcept {
  formats_ = formats;
  is_prepared_ = true;
  sampled_ = sampled;
  write_traceparent(traceparent_.data(), trace, server_span, sampled);
  if (formats.has(Format::b3)) write_b3(b3_.data(), trace, server_span, sampled);
  if (formats.has(Format::b3_multi)) write_hex(parent_.data(), server_span);
  if (formats.has(Format::xray)) {
    char* end = write_xray(xray_.data(), trace, server_span, sampled);
    end = write_xray_rest(end, kXrayRest, xray);
    xray_size_ = static_cast<std::uint16_t>(end - xray_.data());
  }
}

bool Outgoing::add_to(http::Fields& fields) noexcept {
  using http::FieldId;
  bool fits = true;
  if (formats_.has(Format::w3c)) {
    fits = fields.add("traceparent", view(traceparent_, 0, kTraceparentSize), FieldId::other);
  }
  if (formats_.has(Format::b3)) fits &= fields.add("b3", view(b3_, 0, kB3Size), FieldId::other);
  if (formats_.has(Format::b3_multi)) {
    fits &= fields.add("X-B3-TraceId", view(traceparent_, kTraceparentTrace, 32), FieldId::other);
    fits &= fields.add("X-B3-SpanId", view(traceparent_, kTraceparentSpan, 16), FieldId::other);
    fits &= fields.add("X-B3-ParentSpanId", view(parent_, 0, 16), FieldId::other);
    fits &= fields.add("X-B3-Sampled", sampled_ ? "1" : "0", FieldId::other);
  }
  if (formats_.has(Format::xray)) fits &= fields.add("X-Amzn-Trace-Id", view(xray_, 0, xray_size_), FieldId::other);
  return fits;
}

void Outgoing::set_span(SpanId span) noexcept {
  write_hex(traceparent_.data() + kTraceparentSpan, span);
  if (formats_.has(Format::b3)) write_hex(b3_.data() + kB3Span, span);
  if (formats_.has(Format::xray)) write_hex(xray_.data() + kXraySpan, span);
}

}  // namespace postern::trace
