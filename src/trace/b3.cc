// B3, in one header and in several: https://github.com/openzipkin/b3-propagation.
#include "trace/hex.h"

namespace postern::trace {
namespace {

/// 64 bits are the low half of 128.
std::optional<TraceId> parse_b3_trace(std::string_view text) noexcept {
  if (text.size() != 16) return parse_trace_id(text);
  const auto low = parse_span_id(text);
  if (!low) return std::nullopt;
  return TraceId{0, *low};
}

std::optional<Sampling> parse_decision(std::string_view text) noexcept {
  if (text == "1" || text == "d" || text == "true") return Sampling::yes;
  if (text == "0" || text == "false") return Sampling::no;
  return std::nullopt;
}

}  // namespace

std::optional<Context> parse_b3(std::string_view text) noexcept {
  if (text.size() == 1) {
    const auto decision = parse_decision(text);
    if (!decision) return std::nullopt;
    return Context{{}, 0, *decision};
  }
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto trace = parse_b3_trace(text.substr(0, dash));
  text.remove_prefix(dash + 1);
  const auto span = parse_span_id(text.substr(0, 16));
  if (!trace || !span) return std::nullopt;
  text.remove_prefix(16);
  Context context{*trace, *span, Sampling::undecided};
  if (text.empty()) return context;
  if (text.size() < 2 || text[0] != '-') return std::nullopt;
  const auto decision = parse_decision(text.substr(1, 1));
  text.remove_prefix(2);
  const bool has_parent = text.size() == 17 && text[0] == '-' && parse_span_id(text.substr(1));
  if (!decision || (!text.empty() && !has_parent)) return std::nullopt;
  context.sampling = *decision;
  return context;
}

std::optional<Context> parse_b3(std::string_view trace, std::string_view span, std::string_view sampled,
                                std::string_view flags) noexcept {
  Context context;
  if (!sampled.empty()) {
    const auto decision = parse_decision(sampled);
    if (!decision) return std::nullopt;
    context.sampling = *decision;
  }
  if (flags == "1") context.sampling = Sampling::yes;  // debug
  if (trace.empty() && span.empty()) {
    if (context.sampling == Sampling::undecided) return std::nullopt;
    return context;
  }
  const auto trace_id = parse_b3_trace(trace);
  const auto span_id = parse_span_id(span);
  if (!trace_id || !span_id) return std::nullopt;
  context.trace = *trace_id;
  context.span = *span_id;
  return context;
}

char* write_b3(char* out, TraceId trace, SpanId span, bool sampled) noexcept {
  out = write_hex(out, trace);
  *out++ = '-';
  out = write_hex(out, span);
  *out++ = '-';
  *out++ = sampled ? '1' : '0';
  return out;
}

}  // namespace postern::trace
