// First lines and the rules across fields. See the header for what is promised; fields are read in h1_fields.cc, and
// heads that come in pieces are judged in h1_resume.cc.
#include "wire/h1_parse.h"

#include <algorithm>
#include <cstring>

#include "http/host.h"
#include "http/list.h"
#include "http/scan.h"
#include "wire/h1_fields.h"
#include "wire/h1_resume.h"

namespace postern::wire {
namespace {

namespace scan = http::scan;
using http::FieldId;

constexpr std::size_t kMethodMax = 32;

ParseResult fail(std::uint16_t status, const char* reason) noexcept { return {ParseStatus::failed, 0, status, reason}; }
constexpr ParseResult kNeedMore{};

std::string_view view(const char* from, const char* to) noexcept { return {from, static_cast<std::size_t>(to - from)}; }

// ---------------------------------------------------------------------------------------------------- requests

/// HTTP/DIGIT.DIGIT. Null when served (1.0 .. 1.9), else the reason, with its status.
const char* parse_version(std::string_view text, std::uint8_t& minor, std::uint16_t& status) noexcept {
  status = 400;
  if (text.size() != 8 || std::memcmp(text.data(), "HTTP/", 5) != 0) return "bad protocol version";
  const char major_digit = text[5];
  const char minor_digit = text[7];
  if (major_digit < '1' || major_digit > '9' || text[6] != '.' || minor_digit < '0' || minor_digit > '9') {
    return "bad protocol version";
  }
  if (major_digit != '1') {
    status = 505;
    return "protocol version not supported";
  }
  minor = minor_digit == '0' ? 0 : 1;  // 1.2 to 1.9 are read as 1.1 (RFC 9110 2.5)
  return nullptr;
}

void split_query(std::string_view path_query, http::RequestHead& out) noexcept {
  const char* end = path_query.data() + path_query.size();
  const char* mark = scan::find_byte(path_query.data(), end, path_query.data(), '?');
  out.path = view(path_query.data(), mark);
  out.query = view(mark, end);
}

/// http://authority/path?query (RFC 9112 3.2.2). The scheme must be the listener's.
const char* parse_absolute_form(http::RequestHead& out) noexcept {
  const std::string_view target = out.target;
  const std::string_view scheme = out.scheme == http::Scheme::https ? "https://" : "http://";
  if (target.size() < scheme.size() || !http::iequals(target.substr(0, scheme.size()), scheme)) {
    return "bad request target";
  }
  const std::string_view rest = target.substr(scheme.size());
  const std::size_t end = rest.find_first_of("/?");
  out.authority = rest.substr(0, end);
  http::Authority parsed;
  if (!http::parse_authority(out.authority, parsed)) return "bad authority in the request target";
  if (end == std::string_view::npos) {
    out.path = out.method == http::Method::options ? "*" : "/";
    out.query = {};
  } else if (rest[end] == '?') {
    out.path = "/";
    out.query = rest.substr(end);
  } else {
    split_query(rest.substr(end), out);
  }
  return nullptr;
}

const char* parse_target(http::RequestHead& out) noexcept {
  out.authority = {};
  out.query = {};
  if (out.method == http::Method::connect) {
    http::Authority parsed;
    if (!http::parse_authority(out.target, parsed) || parsed.port < 0) return "CONNECT needs host:port";
    out.authority = out.target;
    out.path = {};
    return nullptr;
  }
  if (out.target.front() == '/') {
    split_query(out.target, out);
    return nullptr;
  }
  if (out.target == "*") {
    if (out.method != http::Method::options) return "asterisk target without OPTIONS";
    out.path = out.target;
    return nullptr;
  }
  return parse_absolute_form(out);
}

ParseResult parse_request_line(const char* line, const char* end, http::RequestHead& out) noexcept {
  const char* method_end = scan::find_byte(line, end, line, ' ');
  out.method_token = view(line, method_end);
  if (method_end == end || method_end == line) return fail(400, "bad request line");
  out.method = http::method_of(out.method_token);
  if (out.method == http::Method::other) {
    const auto is_token_byte = [](char c) { return scan::is(c, scan::kToken | scan::kUnderscore); };
    if (!std::all_of(line, method_end, is_token_byte)) return fail(400, "bad method");
    if (out.method_token.size() > kMethodMax) return fail(501, "method too long");
  }
  const char* target = method_end + 1;
  const char* target_end = scan::find_target_end(target, end, line);
  out.target = view(target, target_end);
  if (target_end != end && *target_end != ' ') return fail(400, "forbidden byte in the request target");
  if (target_end == target || target_end == end) return fail(400, "bad request line");
  const std::string_view version = view(target_end + 1, end);
  if (version == "HTTP/2.0" && out.target == "*" && out.method_token == "PRI") return fail(400, "HTTP/2 preface");
  std::uint16_t status = 0;
  if (const char* reason = parse_version(version, out.minor_version, status)) return fail(status, reason);
  if (const char* reason = parse_target(out)) return fail(400, reason);
  return {ParseStatus::complete, 0, 0, nullptr};
}

ParseResult decide_host(const FieldBlock& block, http::RequestHead& out) noexcept {
  if ((block.repeated & http::bit(FieldId::host)) != 0) return fail(400, "two Host fields");
  const bool absolute = !out.authority.empty();
  http::Authority target;
  if (absolute) {
    http::parse_authority(out.authority, target);  // sound: it was checked with the request line
    out.host = target.host;
  } else {
    out.host = {};
  }
  if ((block.seen & http::bit(FieldId::host)) == 0) {
    if (out.minor_version >= 1) return fail(400, "no Host field");
    return {ParseStatus::complete, 0, 0, nullptr};
  }
  const std::string_view value = out.fields.find(FieldId::host);
  if (value.empty() && out.minor_version == 0) return {ParseStatus::complete, 0, 0, nullptr};
  http::Authority given;
  if (!http::parse_authority(value, given)) return fail(400, "bad Host field");
  if (!absolute) {
    out.authority = value;
    out.host = given.host;
  } else if (out.method != http::Method::connect && !http::same_authority(target, given, out.scheme)) {
    return fail(400, "Host differs from the request target");
  }
  return {ParseStatus::complete, 0, 0, nullptr};
}

ParseResult decide_request_framing(const FieldBlock& block, http::RequestHead& out) noexcept {
  constexpr std::uint64_t kTe = http::bit(FieldId::transfer_encoding);
  constexpr std::uint64_t kLength = http::bit(FieldId::content_length);
  out.framing = http::Framing::none;
  out.content_length = 0;
  if ((block.seen & (kTe | kLength)) == 0) return {ParseStatus::complete, 0, 0, nullptr};
  if ((block.seen & kTe) != 0) {
    if ((block.seen & kLength) != 0) return fail(400, "Transfer-Encoding with Content-Length");
    if ((block.repeated & kTe) != 0) return fail(400, "two Transfer-Encoding fields");
    if (out.minor_version == 0) return fail(400, "Transfer-Encoding in HTTP/1.0");
    switch (parse_transfer_encoding(out.fields.find(FieldId::transfer_encoding))) {
      case TransferCoding::chunked:
        out.framing = http::Framing::chunked;
        return {ParseStatus::complete, 0, 0, nullptr};
      case TransferCoding::unsupported:
        return fail(501, "transfer coding not supported");
      case TransferCoding::malformed:
        break;
    }
    return fail(400, "bad Transfer-Encoding");
  }
  if ((block.repeated & kLength) != 0) return fail(400, "two Content-Length fields");
  if (!parse_content_length(out.fields.find(FieldId::content_length), out.content_length)) {
    return fail(400, "bad Content-Length");
  }
  if (out.content_length != 0) out.framing = http::Framing::length;
  return {ParseStatus::complete, 0, 0, nullptr};
}

ParseResult decide_expectation(const FieldBlock& block, http::RequestHead& out) noexcept {
  out.expect_continue = false;
  out.accepts_trailers = false;
  if ((block.seen & (http::bit(FieldId::expect) | http::bit(FieldId::te))) == 0) {
    return {ParseStatus::complete, 0, 0, nullptr};
  }
  for (std::size_t i = 0; i < out.fields.size(); ++i) {
    const http::Field field = out.fields[i];
    if (field.id == FieldId::expect && out.minor_version >= 1) {
      if (!http::iequals(field.value, "100-continue")) return fail(417, "unknown expectation");
      out.expect_continue = out.framing != http::Framing::none;
    } else if (field.id == FieldId::te) {
      http::for_each_token(field.value, [&out](std::string_view token) {
        if (http::iequals(token.substr(0, token.find_first_of("; \t")), "trailers")) out.accepts_trailers = true;
      });
    }
  }
  return {ParseStatus::complete, 0, 0, nullptr};
}

ParseResult finish_request(const FieldBlock& block, http::RequestHead& out) noexcept {
  if (block.too_many) return fail(431, "too many fields");
  ParseResult result = decide_host(block, out);
  if (result.status == ParseStatus::failed) return result;
  result = decide_request_framing(block, out);
  if (result.status == ParseStatus::failed) return result;
  result = decide_expectation(block, out);
  if (result.status == ParseStatus::failed) return result;
  out.keep_alive = decide_keep_alive(out.fields, block.seen, out.minor_version);
  return result;
}

UnderscoreRule rule_of(config::Underscores underscores) noexcept {
  return underscores == config::Underscores::drop ? UnderscoreRule::drop : UnderscoreRule::reject;
}

/// One CRLF before a request is passed over (RFC 9112 2.2); a second one is no request.
bool skip_empty_line(const char*& first, const char* end, ParseResult& result) noexcept {
  if (*first != '\r') return true;
  if (end - first == 1) return false;
  if (first[1] != '\n') {
    result = fail(400, "bare CR");
    return false;
  }
  first += 2;
  if (first == end) return false;
  if (*first != '\r') return true;
  result = fail(400, "empty lines before the request");
  return false;
}

// --------------------------------------------------------------------------------------------------- responses

const char* parse_status_line(const char* line, const char* end, http::ResponseHead& out) noexcept {
  const std::string_view text = view(line, end);
  if (text.size() < 12 || text[8] != ' ') return "bad status line";
  std::uint16_t ignored = 0;
  if (const char* reason = parse_version(text.substr(0, 8), out.minor_version, ignored)) return reason;
  unsigned status = 0;
  for (std::size_t i = 9; i < 12; ++i) {
    if (text[i] < '0' || text[i] > '9') return "bad status code";
    status = status * 10 + static_cast<unsigned>(text[i] - '0');
  }
  if (status < 100) return "bad status code";
  if (text.size() > 12 && text[12] != ' ') return "bad status line";
  out.status = static_cast<std::uint16_t>(status);
  out.reason = text.substr(std::min<std::size_t>(13, text.size()));
  return nullptr;
}

const char* decide_response_framing(const FieldBlock& block, http::Method request_method,
                                    http::ResponseHead& out) noexcept {
  constexpr std::uint64_t kTe = http::bit(FieldId::transfer_encoding);
  constexpr std::uint64_t kLength = http::bit(FieldId::content_length);
  out.content_length = 0;
  const bool has_te = (block.seen & kTe) != 0;
  const bool has_length = (block.seen & kLength) != 0;
  if (has_te && has_length) return "Transfer-Encoding with Content-Length";
  if ((block.repeated & (kTe | kLength)) != 0) return "repeated framing field";
  if (has_te) {
    if (out.minor_version == 0) return "Transfer-Encoding in HTTP/1.0";
    const std::string_view value = out.fields.find(FieldId::transfer_encoding);
    if (parse_transfer_encoding(value) != TransferCoding::chunked) return "bad Transfer-Encoding";
  }
  if (has_length && !parse_content_length(out.fields.find(FieldId::content_length), out.content_length)) {
    return "bad Content-Length";
  }
  const bool bodiless =
      request_method == http::Method::head || out.status < 200 || out.status == 204 || out.status == 304;
  if (bodiless) {
    out.framing = http::Framing::none;
  } else if (has_te) {
    out.framing = http::Framing::chunked;
  } else if (has_length) {
    out.framing = out.content_length != 0 ? http::Framing::length : http::Framing::none;
  } else {
    out.framing = http::Framing::until_close;
  }
  return nullptr;
}

}  // namespace

ParseResult parse_request_head(char* data, std::size_t size, std::size_t already_scanned, const HeadLimits& limits,
                               http::Scheme listener_scheme, http::RequestHead& out) noexcept {
  if (size == 0) return kNeedMore;
  const char* first = data;
  const char* const end = data + size;
  ParseResult result;
  if (!skip_empty_line(first, end, result)) return result;
  const Bounds bounds = bounds_of(first, end, limits);
  const UnderscoreRule underscores = rule_of(limits.underscores);
  if (already_scanned < size && data + already_scanned > first) {
    const char* reason = nullptr;
    switch (resume(bounds, data + already_scanned, limits, underscores, out.fields, reason)) {
      case Resume::parse:
        break;
      case Resume::wait:
        return kNeedMore;
      case Resume::line_too_long:
        return fail(414, "request line too long");
      case Resume::headers_too_long:
        return fail(431, "header fields too large");
      case Resume::broken:
        return fail(400, reason);
    }
  }
  const LineScan line = scan_line(first, bounds.first_stop, first);
  if (line.error != nullptr) return fail(400, line.error);
  if (!line.complete) return line_too_long(bounds, limits) ? fail(414, "request line too long") : kNeedMore;
  out.scheme = listener_scheme;
  result = parse_request_line(first, line.line_end, out);
  if (result.status == ParseStatus::failed) return result;
  const char* headers = line.line_end + 2;
  const char* stop = clamp_end(headers, end, limits.header_bytes);
  out.fields.clear();
  const FieldBlock block = read_fields(headers, stop, first, limits.fields, underscores, out.fields);
  if (block.status == ParseStatus::failed) return fail(400, block.reason);
  if (block.status == ParseStatus::need_more) {
    const bool full = static_cast<std::size_t>(stop - headers) == limits.header_bytes;
    return full ? fail(431, "header fields too large") : kNeedMore;
  }
  result = finish_request(block, out);
  if (result.status == ParseStatus::complete) result.consumed = static_cast<std::size_t>(block.end - data);
  return result;
}

ParseResult parse_response_head(char* data, std::size_t size, std::size_t already_scanned, const HeadLimits& limits,
                                http::Method request_method, http::ResponseHead& out) noexcept {
  if (size == 0) return kNeedMore;
  const char* const first = data;
  const char* const end = data + size;
  const Bounds bounds = bounds_of(first, end, limits);
  if (already_scanned < size && already_scanned != 0) {
    const char* reason = nullptr;
    switch (resume(bounds, data + already_scanned, limits, UnderscoreRule::pass, out.fields, reason)) {
      case Resume::parse:
        break;
      case Resume::wait:
        return kNeedMore;
      case Resume::line_too_long:
        return fail(502, "status line too long");
      case Resume::headers_too_long:
        return fail(502, "header fields too large");
      case Resume::broken:
        return fail(502, reason);
    }
  }
  const LineScan line = scan_line(first, bounds.first_stop, first);
  if (line.error != nullptr) return fail(502, line.error);
  if (!line.complete) return line_too_long(bounds, limits) ? fail(502, "status line too long") : kNeedMore;
  if (const char* reason = parse_status_line(first, line.line_end, out)) return fail(502, reason);
  const char* headers = line.line_end + 2;
  const char* stop = clamp_end(headers, end, limits.header_bytes);
  out.fields.clear();
  const FieldBlock block = read_fields(headers, stop, first, limits.fields, UnderscoreRule::pass, out.fields);
  if (block.status == ParseStatus::failed) return fail(502, block.reason);
  if (block.status == ParseStatus::need_more) {
    const bool full = static_cast<std::size_t>(stop - headers) == limits.header_bytes;
    return full ? fail(502, "header fields too large") : kNeedMore;
  }
  if (block.too_many) return fail(502, "too many fields");
  if (const char* reason = decide_response_framing(block, request_method, out)) return fail(502, reason);
  out.keep_alive =
      out.framing != http::Framing::until_close && decide_keep_alive(out.fields, block.seen, out.minor_version);
  return {ParseStatus::complete, block.end == nullptr ? 0 : static_cast<std::size_t>(block.end - data), 0, nullptr};
}

}  // namespace postern::wire
