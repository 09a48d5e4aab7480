// Resuming in the middle of a head. The lines before were judged when they came; only the last one is still open.
#include "wire/h1_resume.h"

#include <cstring>

namespace postern::wire {

const char* clamp_end(const char* from, const char* end, std::size_t limit) noexcept {
  return static_cast<std::size_t>(end - from) > limit ? from + limit : end;
}

Bounds bounds_of(const char* first, const char* end, const HeadLimits& limits) noexcept {
  return {first, clamp_end(first, end, limits.request_line + 2), end};
}

bool line_too_long(const Bounds& b, const HeadLimits& limits) noexcept {
  return static_cast<std::size_t>(b.first_stop - b.first) == limits.request_line + 2;
}

Resume resume(const Bounds& b, const char* scanned, const HeadLimits& limits, UnderscoreRule underscores,
              http::Fields& scratch, const char*& reason) noexcept {
  const auto seen_size = static_cast<std::size_t>(scanned - b.first);
  const void* first_lf = std::memchr(b.first, '\n', seen_size);
  const char* headers = first_lf != nullptr ? static_cast<const char*>(first_lf) + 1 : nullptr;
  const char* stop = headers != nullptr ? clamp_end(headers, b.end, limits.header_bytes) : b.first_stop;
  const bool full =
      headers != nullptr ? static_cast<std::size_t>(stop - headers) == limits.header_bytes : line_too_long(b, limits);
  if (scanned > stop) return Resume::parse;  // cannot be after need_more; let the parser decide
  if (std::memchr(scanned, '\n', static_cast<std::size_t>(stop - scanned)) != nullptr) {
    if (headers == nullptr) return Resume::parse;
    const auto known = static_cast<std::size_t>(scanned - headers);
    const void* last_lf = known != 0 ? memrchr(headers, '\n', known) : nullptr;
    const char* line = last_lf != nullptr ? static_cast<const char*>(last_lf) + 1 : headers;
    scratch.clear();
    const FieldBlock block = read_fields(line, stop, b.first, limits.fields, underscores, scratch);
    if (block.status == ParseStatus::complete) return Resume::parse;
    reason = block.reason;
    if (block.status == ParseStatus::failed) return Resume::broken;
  } else {
    const char* from = scanned[-1] == '\r' ? scanned - 1 : scanned;
    const LineScan line = scan_line(from, stop, b.first);
    reason = line.error;
    if (line.error != nullptr) return Resume::broken;
  }
  if (!full) return Resume::wait;
  return headers != nullptr ? Resume::headers_too_long : Resume::line_too_long;
}

}  // namespace postern::wire
