// Trace headers: a message head's worth of "name: value" lines, read, taken off and written anew.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "trace/propagation.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  http::Fields fields;
  while (!input.empty()) {
    const std::size_t end = input.find('\n');
    const std::string_view line = input.substr(0, end);
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos && !fields.add(line.substr(0, colon), line.substr(colon + 2))) break;
  }
  const trace::Headers headers = trace::find_headers(fields);
  constexpr std::array kOrder{trace::Format::b3, trace::Format::xray, trace::Format::w3c};
  const trace::Incoming incoming = trace::read_headers(headers, kOrder);
  if (incoming.found && !incoming.context.trace.is_valid() && incoming.context.span != 0) std::abort();
  trace::strip_headers(fields, false, false);
  if (trace::find_headers(fields).any) std::abort();
  if (!incoming.found || !incoming.context.trace.is_valid()) return 0;
  trace::FormatSet formats;
  for (const trace::Format format : {trace::Format::w3c, trace::Format::b3, trace::Format::xray}) formats.add(format);
  trace::Outgoing outgoing;
  outgoing.prepare(formats, incoming.context.trace, 7, true, headers.xray);
  outgoing.set_span(9);
  if (!outgoing.add_to(fields)) return 0;
  // What was written says the same in every spelling.
  const trace::Headers again = trace::find_headers(fields);
  for (const trace::Format format : kOrder) {
    const trace::Incoming read = trace::read_headers(again, {&format, 1});
    if (!read.found || read.context.span != 9 || read.context.trace != incoming.context.trace) std::abort();
  }
  return 0;
}
