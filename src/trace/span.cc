// See span.h.
#include "trace/span.h"

#include <algorithm>
#include <cstring>

namespace postern::trace {
namespace {

/// What precedes the texts in a ring.
struct Packed {
  TraceId trace;
  SpanId span;
  SpanId parent;
  TraceId link_trace;
  SpanId link_span;
  std::int64_t start_ns;
  std::int64_t end_ns;
  std::uint16_t status;
  std::uint16_t resend;
  std::uint8_t http_major;
  std::uint8_t http_minor;
  SpanKind kind;
  bool failed;
  std::array<std::uint16_t, kSpanTexts.size()> lengths;
};

}  // namespace

bool append(ByteRing& ring, const SpanRecord& r) noexcept {
  Packed packed{r.trace,  r.span,   r.parent,     r.link_trace, r.link_span, r.start_ns, r.end_ns,
                r.status, r.resend, r.http_major, r.http_minor, r.kind,      r.failed,   {}};
  std::size_t total = sizeof packed;
  for (std::size_t i = 0; i < kSpanTexts.size(); ++i) {
    const std::size_t length = std::min<std::size_t>((r.*kSpanTexts[i].view).size(), kSpanTexts[i].limit);
    packed.lengths[i] = static_cast<std::uint16_t>(length);
    total += length;
  }
  char* place = ring.reserve(total);
  if (place == nullptr) return false;
  std::memcpy(place, &packed, sizeof packed);
  place += sizeof packed;
  for (std::size_t i = 0; i < kSpanTexts.size(); ++i) {
    const std::size_t length = packed.lengths[i];
    if (length == 0) continue;
    std::memcpy(place, (r.*kSpanTexts[i].view).data(), length);
    place += length;
  }
  ring.commit(total);
  return true;
}

bool decode(std::span<const char> bytes, SpanRecord& r) noexcept {
  Packed packed;
  if (bytes.size() < sizeof packed) return false;
  std::memcpy(&packed, bytes.data(), sizeof packed);
  bytes = bytes.subspan(sizeof packed);
  r.trace = packed.trace;
  r.span = packed.span;
  r.parent = packed.parent;
  r.link_trace = packed.link_trace;
  r.link_span = packed.link_span;
  r.start_ns = packed.start_ns;
  r.end_ns = packed.end_ns;
  r.status = packed.status;
  r.resend = packed.resend;
  r.http_major = packed.http_major;
  r.http_minor = packed.http_minor;
  r.kind = packed.kind;
  r.failed = packed.failed;
  for (std::size_t i = 0; i < kSpanTexts.size(); ++i) {
    const std::size_t length = packed.lengths[i];
    if (length > bytes.size()) return false;
    r.*kSpanTexts[i].view = {bytes.data(), length};
    bytes = bytes.subspan(length);
  }
  return bytes.empty();
}

}  // namespace postern::trace
