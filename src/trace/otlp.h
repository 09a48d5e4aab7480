// Spans as the body of an OTLP/HTTP request, in JSON or protobuf: gathered one by one, taken whole. What a collector
// answers is read here, too. The exporter's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.h"
#include "trace/span.h"

namespace postern::trace {

/// What all spans have in common: service.name first.
using Resource = config::NameValues;

class SpanEncoder {
 public:
  virtual ~SpanEncoder() = default;
  virtual void add(const SpanRecord& record) = 0;
  /// The body with all that was added since the last take().
  virtual std::string take() = 0;
  [[nodiscard]] virtual std::string_view content_type() const noexcept = 0;

  [[nodiscard]] std::size_t spans() const noexcept { return spans_; }

 protected:
  std::size_t spans_ = 0;
};

std::unique_ptr<SpanEncoder> make_json_encoder(const Resource& resource);
std::unique_ptr<SpanEncoder> make_protobuf_encoder(const Resource& resource);

/// How many spans the collector says that it refused, in its answer with status 200; 0 when it says nothing of the
/// kind.
std::uint64_t rejected_spans(std::string_view body, bool is_json) noexcept;

/// "POST /v1/models/{model}", "POST", "queue".
std::string name_of(const SpanRecord& record);

/// Calls `text(key, view)` and `number(key, value)` for what a record says about itself.
template <class Text, class Number>
void visit_attributes(const SpanRecord& record, Text text, Number number) {
  for (const SpanText& one : kSpanTexts) {
    const std::string_view value = record.*one.view;
    if (!value.empty() && !one.key.empty()) text(one.key, value);
  }
  if (record.status != 0) number("http.response.status_code", record.status);
  if (record.resend != 0) number("http.request.resend_count", record.resend);
  if (record.http_major == 2) text("network.protocol.version", "2");
  if (record.http_major == 1) text("network.protocol.version", record.http_minor == 0 ? "1.0" : "1.1");
}

}  // namespace postern::trace
