// OTLP's protobuf, by the field numbers of opentelemetry/proto/trace/v1/trace.proto.
#include <protozero/pbf_writer.hpp>

#include "base/escape.h"
#include "trace/otlp.h"

namespace postern::trace {
namespace {

using protozero::pbf_writer;

// ExportTraceServiceRequest.resource_spans, ResourceSpans, ScopeSpans, InstrumentationScope, Resource
constexpr protozero::pbf_tag_type kResourceSpans = 1, kResource = 1, kScopeSpans = 2, kScope = 1, kSpans = 2,
                                  kScopeName = 1, kResourceAttributes = 1;
// Span
constexpr protozero::pbf_tag_type kTraceId = 1, kSpanId = 2, kTraceState = 3, kParent = 4, kName = 5, kKind = 6,
                                  kStart = 7, kEnd = 8, kAttributes = 9, kLinks = 13, kStatus = 15, kFlags = 16;
// Span.Link, Status, KeyValue, AnyValue
constexpr protozero::pbf_tag_type kLinkTrace = 1, kLinkSpan = 2, kStatusCode = 3, kKey = 1, kValue = 2, kString = 1,
                                  kInt = 3;
constexpr std::int32_t kStatusError = 2;

std::string big_endian(std::uint64_t value) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

std::string bytes_of(TraceId id) { return big_endian(id.high) + big_endian(id.low); }

std::string utf8(std::string_view text) {
  std::string valid;
  append_utf8(valid, text);
  return valid;
}

template <class Put>
void add_pair(pbf_writer& parent, protozero::pbf_tag_type tag, std::string_view key, Put put) {
  pbf_writer pair(parent, tag);
  pair.add_string(kKey, key.data(), key.size());
  pbf_writer value(pair, kValue);
  put(value);
}

void add_text(pbf_writer& parent, protozero::pbf_tag_type tag, std::string_view key, std::string_view text) {
  add_pair(parent, tag, key, [&](pbf_writer& value) { value.add_string(kString, utf8(text)); });
}

class ProtobufEncoder final : public SpanEncoder {
 public:
  explicit ProtobufEncoder(const Resource& resource) {
    pbf_writer writer(resource_);
    for (const auto& [key, value] : resource) add_text(writer, kResourceAttributes, utf8(key), value);
    pbf_writer scope(scope_spans_, kScope);
    scope.add_string(kScopeName, "postern");
    scope.commit();
    empty_ = body_;
  }

  void add(const SpanRecord& record) override {
    ++spans_;
    pbf_writer span(scope_spans_, kSpans);
    span.add_bytes(kTraceId, bytes_of(record.trace));
    span.add_bytes(kSpanId, big_endian(record.span));
    if (!record.state.empty()) span.add_string(kTraceState, utf8(record.state));
    if (record.parent != 0) span.add_bytes(kParent, big_endian(record.parent));
    span.add_string(kName, utf8(name_of(record)));
    span.add_enum(kKind, static_cast<std::int32_t>(record.kind));
    span.add_fixed64(kStart, static_cast<std::uint64_t>(record.start_ns));
    span.add_fixed64(kEnd, static_cast<std::uint64_t>(record.end_ns));
    visit_attributes(
        record, [&](std::string_view key, std::string_view value) { add_text(span, kAttributes, key, value); },
        [&](std::string_view key, std::int64_t number) {
          add_pair(span, kAttributes, key, [&](pbf_writer& value) { value.add_int64(kInt, number); });
        });
    if (record.link_span != 0) {
      pbf_writer link(span, kLinks);
      link.add_bytes(kLinkTrace, bytes_of(record.link_trace));
      link.add_bytes(kLinkSpan, big_endian(record.link_span));
    }
    if (record.failed) {
      pbf_writer status(span, kStatus);
      status.add_enum(kStatusCode, kStatusError);
    }
    span.add_fixed32(kFlags, 1);
  }

  std::string take() override {
    std::string whole;
    {
      pbf_writer request(whole);
      pbf_writer resource_spans(request, kResourceSpans);
      resource_spans.add_message(kResource, resource_);
      resource_spans.add_message(kScopeSpans, body_);
    }
    body_ = empty_;
    spans_ = 0;
    return whole;
  }

  [[nodiscard]] std::string_view content_type() const noexcept override { return "application/x-protobuf"; }

 private:
  std::string resource_;
  std::string empty_;  // ScopeSpans without a span
  std::string body_;   // ScopeSpans so far
  pbf_writer scope_spans_{body_};
};

}  // namespace

std::unique_ptr<SpanEncoder> make_protobuf_encoder(const Resource& resource) {
  return std::make_unique<ProtobufEncoder>(resource);
}

}  // namespace postern::trace
