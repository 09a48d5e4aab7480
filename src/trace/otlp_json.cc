// OTLP's JSON: lowerCamelCase, ids in hexadecimal (not base64), 64-bit numbers as strings, enums as numbers.
#include <fmt/format.h>

#include <iterator>

#include "base/escape.h"
#include "trace/otlp.h"

namespace postern::trace {
namespace {

void append_text(std::string& out, std::string_view key, std::string_view value) {
  out += R"({"key":)";
  append_json_quoted(out, key);
  out += R"(,"value":{"stringValue":)";
  append_json_quoted(out, value);
  out += "}}";
}

void append_number(std::string& out, std::string_view key, std::uint64_t value) {
  fmt::format_to(std::back_inserter(out), R"({{"key":"{}","value":{{"intValue":"{}"}}}})", key, value);
}

class JsonEncoder final : public SpanEncoder {
 public:
  explicit JsonEncoder(const Resource& resource) {
    head_ = R"({"resourceSpans":[{"resource":{"attributes":[)";
    for (const auto& [key, value] : resource) {
      if (head_.back() == '}') head_ += ',';
      append_text(head_, key, value);
    }
    head_ += R"(]},"scopeSpans":[{"scope":{"name":"postern"},"spans":[)";
    body_ = head_;
  }

  void add(const SpanRecord& record) override {
    if (spans_++ != 0) body_ += ',';
    const auto out = std::back_inserter(body_);
    fmt::format_to(out, R"({{"traceId":"{:016x}{:016x}","spanId":"{:016x}",)", record.trace.high, record.trace.low,
                   record.span);
    if (record.parent != 0) fmt::format_to(out, R"("parentSpanId":"{:016x}",)", record.parent);
    if (!record.state.empty()) {
      body_ += R"("traceState":)";
      append_json_quoted(body_, record.state);
      body_ += ',';
    }
    body_ += R"("flags":1,"name":)";
    append_json_quoted(body_, name_of(record));
    fmt::format_to(out, R"(,"kind":{},"startTimeUnixNano":"{}","endTimeUnixNano":"{}","attributes":[)",
                   static_cast<unsigned>(record.kind), record.start_ns, record.end_ns);
    add_attributes(record);
    body_ += ']';
    if (record.link_span != 0) {
      fmt::format_to(out, R"(,"links":[{{"traceId":"{:016x}{:016x}","spanId":"{:016x}"}}])", record.link_trace.high,
                     record.link_trace.low, record.link_span);
    }
    if (record.failed) body_ += R"(,"status":{"code":2})";
    body_ += '}';
  }

  std::string take() override {
    body_ += "]}]}]}";
    spans_ = 0;
    return std::exchange(body_, head_);
  }

  [[nodiscard]] std::string_view content_type() const noexcept override { return "application/json"; }

 private:
  void add_attributes(const SpanRecord& record) {
    bool is_first = true;
    const auto separate = [&] {
      if (!is_first) body_ += ',';
      is_first = false;
    };
    visit_attributes(
        record,
        [&](std::string_view key, std::string_view value) {
          separate();
          append_text(body_, key, value);
        },
        [&](std::string_view key, std::uint64_t value) {
          separate();
          append_number(body_, key, value);
        });
  }

  std::string head_;
  std::string body_;
};

}  // namespace

std::unique_ptr<SpanEncoder> make_json_encoder(const Resource& resource) {
  return std::make_unique<JsonEncoder>(resource);
}

}  // namespace postern::trace
