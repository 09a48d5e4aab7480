// A state machine over the bytes of the framing; the data between are passed by. One core.
#include "wire/h1_chunked.h"

#include <algorithm>

#include "http/list.h"
#include "http/scan.h"

namespace postern::wire {
namespace {

namespace scan = http::scan;

constexpr unsigned kTokenByte = scan::kToken | scan::kUnderscore;

bool has_prefix(std::string_view name, std::string_view prefix) noexcept {
  return name.size() >= prefix.size() && http::iequals(name.substr(0, prefix.size()), prefix);
}

}  // namespace

bool is_allowed_trailer(std::string_view name, std::span<const std::string_view> allow_list) noexcept {
  // A name that postern knows is one that some step trusts to have come with the head.
  if (http::field_id(name) != http::FieldId::other) return false;
  if (name.find('_') != std::string_view::npos) return false;  // a disguise for '-' at many upstreams
  for (const std::string_view prefix :
       {"content-", "x-forwarded-", "proxy-", "sec-", "if-", "access-control-", "accept-"}) {
    if (has_prefix(name, prefix)) return false;
  }
  for (const std::string_view never :
       {"age", "allow", "authentication-info", "etag", "expires", "last-modified", "pragma", "referer", "retry-after",
        "strict-transport-security", "vary", "warning", "www-authenticate"}) {
    if (http::iequals(name, never)) return false;
  }
  return std::any_of(allow_list.begin(), allow_list.end(),
                     [name](std::string_view allowed) { return allowed == "*" || http::iequals(allowed, name); });
}

ChunkedDecoder::Step ChunkedDecoder::next(std::string_view input) noexcept {
  std::size_t at = 0;
  while (at < input.size() && phase_ != Phase::done && phase_ != Phase::broken) {
    if (phase_ == Phase::data) {
      const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size() - at));
      remaining_ -= run;
      if (remaining_ == 0) phase_ = Phase::data_cr;
      return {at + run, input.substr(at, run), State::data, 0, nullptr};
    }
    if (!take(input[at])) break;
    ++at;
  }
  if (phase_ == Phase::broken) return {at, {}, State::failed, http_status_, reason_};
  return {at, {}, phase_ == Phase::done ? State::end : State::needs_more, 0, nullptr};
}

bool ChunkedDecoder::fail(std::uint16_t status, const char* reason) noexcept {
  phase_ = Phase::broken;
  http_status_ = status;
  reason_ = reason;
  return false;
}

bool ChunkedDecoder::take(char c) noexcept {
  switch (phase_) {
    case Phase::size_first:
    case Phase::size:
      return take_size(c);
    case Phase::ext_before:
    case Phase::ext_name_first:
    case Phase::ext_name:
    case Phase::ext_name_blank:
    case Phase::ext_value_first:
    case Phase::ext_value:
    case Phase::ext_quoted:
    case Phase::ext_escape:
    case Phase::ext_quoted_end:
      return take_extension(c);
    case Phase::size_lf:
      if (c != '\n') return fail(400, "bare CR after a chunk size");
      return end_size_line();
    case Phase::data_cr:
      if (c != '\r') return fail(400, "chunk data longer than its size");
      phase_ = Phase::data_lf;
      return true;
    case Phase::data_lf:
      if (c != '\n') return fail(400, "chunk data not followed by CRLF");
      phase_ = Phase::size_first;
      return true;
    case Phase::trailer_first:
    case Phase::trailer_name:
    case Phase::trailer_value:
    case Phase::trailer_lf:
      return take_trailer(c);
    case Phase::end_lf:
      if (c != '\n') return fail(400, "bare CR after the trailers");
      phase_ = Phase::done;
      return true;
    case Phase::data:
    case Phase::done:
    case Phase::broken:
      break;
  }
  return fail(400, "chunked decoder used after its end");
}

bool ChunkedDecoder::take_size(char c) noexcept {
  const int digit = scan::hex_value(c);
  if (digit >= 0) {
    if (phase_ == Phase::size_first) {
      remaining_ = 0;
      digits_ = 0;
      extension_chunk_ = 0;
      phase_ = Phase::size;
    }
    if (digits_ == 16 || (remaining_ >> 59) != 0) return fail(400, "chunk size too large");
    remaining_ = remaining_ << 4 | static_cast<unsigned>(digit);
    ++digits_;
    return true;
  }
  if (phase_ == Phase::size_first) return fail(400, "bad chunk size");
  if (c == '\r') {
    phase_ = Phase::size_lf;
    return true;
  }
  if (c != ';' && !http::is_blank(c)) return fail(400, "bad chunk size");
  phase_ = Phase::ext_before;
  return take_extension(c);
}

// chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ), checked and dropped (RFC 9112 7.1.1).
bool ChunkedDecoder::take_extension(char c) noexcept {
  const bool ends =
      c == '\r' && (phase_ == Phase::ext_name || phase_ == Phase::ext_value || phase_ == Phase::ext_quoted_end);
  if (ends) {
    phase_ = Phase::size_lf;
    return true;
  }
  ++extension_chunk_;
  ++extension_message_;
  if (extension_chunk_ > kExtensionPerChunk || extension_message_ > kExtensionPerMessage) {
    return fail(400, "chunk extensions too large");
  }
  const bool blank = http::is_blank(c);
  const bool token = scan::is(c, kTokenByte);
  switch (phase_) {
    case Phase::ext_before:
    case Phase::ext_name_blank:
    case Phase::ext_quoted_end:
      if (blank) {
        if (phase_ == Phase::ext_quoted_end) phase_ = Phase::ext_before;
        return true;
      }
      if (c == '=' && phase_ == Phase::ext_name_blank) {
        phase_ = Phase::ext_value_first;
        return true;
      }
      break;
    case Phase::ext_name_first:
      if (blank) return true;
      if (token) phase_ = Phase::ext_name;
      return token || fail(400, "bad chunk extension");
    case Phase::ext_name:
    case Phase::ext_value:
      if (token) return true;
      if (blank) {
        phase_ = phase_ == Phase::ext_name ? Phase::ext_name_blank : Phase::ext_before;
        return true;
      }
      if (c == '=' && phase_ == Phase::ext_name) {
        phase_ = Phase::ext_value_first;
        return true;
      }
      break;
    case Phase::ext_value_first:
      if (blank) return true;
      if (c == '"' || token) phase_ = token ? Phase::ext_value : Phase::ext_quoted;
      return c == '"' || token || fail(400, "bad chunk extension");
    case Phase::ext_quoted:
      if (c == '"') phase_ = Phase::ext_quoted_end;
      if (c == '\\') phase_ = Phase::ext_escape;
      return c == '"' || c == '\\' || scan::is(c, scan::kQuoted) || fail(400, "bad chunk extension");
    case Phase::ext_escape:
      phase_ = Phase::ext_quoted;
      return !scan::is(c, scan::kControl) || fail(400, "bad chunk extension");
    default:
      break;
  }
  if (c != ';') return fail(400, "bad chunk extension");
  phase_ = Phase::ext_name_first;
  return true;
}

bool ChunkedDecoder::end_size_line() noexcept {
  if (remaining_ == 0) {
    phase_ = Phase::trailer_first;
    return true;
  }
  constexpr std::uint64_t kMax = ~std::uint64_t{0} >> 1;
  if (announced_ > kMax - remaining_) return fail(400, "chunk size too large");
  announced_ += remaining_;
  phase_ = Phase::data;
  return true;
}

bool ChunkedDecoder::take_trailer(char c) noexcept {
  if (phase_ == Phase::trailer_first && c == '\r') {
    phase_ = Phase::end_lf;
    return true;
  }
  if (++trailer_bytes_ > kTrailerBytes) return fail(431, "trailers too large");
  switch (phase_) {
    case Phase::trailer_first:
      if (http::is_blank(c)) return fail(400, "folded trailer");
      if (!scan::is(c, kTokenByte)) return fail(400, "bad trailer name");
      if (++trailer_count_ > kTrailerFields) return fail(431, "too many trailers");
      phase_ = Phase::trailer_name;
      line_start_ = kept_;
      name_size_ = 1;
      return keep(c);
    case Phase::trailer_name:
      if (c == ':') {
        phase_ = Phase::trailer_value;
        return true;
      }
      if (!scan::is(c, kTokenByte)) return fail(400, "bad trailer name");
      ++name_size_;
      return keep(c);
    case Phase::trailer_value:
      if (c == '\r') {
        phase_ = Phase::trailer_lf;
        return true;
      }
      if (scan::is(c, scan::kControl)) return fail(400, "control character in a trailer");
      return keep(c);
    default:
      if (c != '\n') return fail(400, "bare CR in a trailer");
      phase_ = Phase::trailer_first;
      return end_trailer();
  }
}

bool ChunkedDecoder::keep(char c) noexcept {
  if (trailers_ == nullptr || allow_list_.empty()) return true;
  if (kept_ == trailer_space_.size()) return fail(431, "trailers too large");
  trailer_space_[kept_++] = c;
  return true;
}

bool ChunkedDecoder::end_trailer() noexcept {
  if (trailers_ == nullptr || allow_list_.empty()) return true;
  const std::string_view line(trailer_space_.data() + line_start_, static_cast<std::size_t>(kept_ - line_start_));
  const std::string_view name = line.substr(0, name_size_);
  if (!is_allowed_trailer(name, allow_list_)) {
    kept_ = line_start_;
    return true;
  }
  if (!trailers_->add(name, http::trim(line.substr(name_size_)))) return fail(431, "too many trailers");
  return true;
}

}  // namespace postern::wire
