// What both encodings of OTLP share, and the collector's answer.
#include "trace/otlp.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>

namespace postern::trace {
namespace {

/// {"partialSuccess":{"rejectedSpans":"3"}}: 64-bit numbers are strings, but some send numbers.
std::uint64_t rejected_in_json(std::string_view body) noexcept {
  constexpr std::string_view kKey = "\"rejectedSpans\"";
  const std::size_t key = body.find(kKey);
  if (key == std::string_view::npos) return 0;
  body.remove_prefix(key + kKey.size());
  const std::size_t digit = body.find_first_not_of(" \t\r\n:\"");
  if (digit == std::string_view::npos) return 0;
  std::uint64_t value = 0;
  for (const char c : body.substr(digit, 18)) {
    if (c < '0' || c > '9') break;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::uint64_t rejected_in_protobuf(std::string_view body) {
  protozero::pbf_reader answer(body.data(), body.size());
  while (answer.next(1)) {
    protozero::pbf_reader partial = answer.get_message();
    while (partial.next(1)) return static_cast<std::uint64_t>(std::max<std::int64_t>(partial.get_int64(), 0));
  }
  return 0;
}

}  // namespace

std::uint64_t rejected_spans(std::string_view body, bool is_json) noexcept {
  if (is_json) return rejected_in_json(body);
  try {
    return rejected_in_protobuf(body);
  } catch (const std::exception&) {
    return 0;  // not protobuf: it said 200 all the same
  }
}

std::string name_of(const SpanRecord& record) {
  if (!record.phase.empty()) return std::string(record.phase);
  std::string name(record.method.empty() ? std::string_view("HTTP") : record.method);
  if (!record.template_path.empty()) name.append(" ").append(record.template_path);
  return name;
}

}  // namespace postern::trace
