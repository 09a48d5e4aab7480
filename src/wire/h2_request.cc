#include "wire/h2_request.h"

#include <algorithm>
#include <cstring>

#include "http/host.h"
#include "http/list.h"
#include "http/scan.h"
#include "wire/h1_fields.h"

namespace postern::wire {

namespace {

using http::FieldId;

constexpr std::size_t kMethodMax = 32;

bool is_token(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return http::scan::is(c, http::scan::kToken | http::scan::kUnderscore); });
}

}  // namespace

void H2Request::begin(http::RequestHead& head, H2Arena& texts, BufferPool& pool, const H1Settings& settings) noexcept {
  head_ = &head;
  texts_ = &texts;
  pool_ = &pool;
  settings_ = &settings;
  protocol_ = host_field_ = length_field_ = {};
  has_length_ = false;
  cookies_ = 0;
  verdict_ = {};
  head.method_token = head.target = head.authority = head.host = head.path = head.query = head.protocol = {};
  head.fields.clear();
  head.content_length = 0;
  head.method = http::Method::other;
  head.scheme = settings.scheme;  // what the client says of it is checked, and means nothing
  head.framing = http::Framing::none;
  head.minor_version = 2;
  head.keep_alive = true;
  head.expect_continue = head.accepts_trailers = false;
}

bool H2Request::add(std::string_view name, std::string_view value) noexcept {
  if (name.empty()) return false;
  return name.front() == ':' ? add_pseudo(name, value) : add_field(name, value);
}

bool H2Request::add_pseudo(std::string_view name, std::string_view value) noexcept {
  if (name == ":scheme") return value == "http" || value == "https";
  const std::string_view kept = texts_->keep(*pool_, value);
  if (!kept.data()) return false;
  if (name == ":method") {
    if (kept.empty() || !is_token(kept)) return false;
    head_->method_token = kept;
    head_->method = http::method_of(kept);
  } else if (name == ":path") {
    head_->target = kept;
  } else if (name == ":authority") {
    head_->authority = kept;
  } else if (name == ":protocol") {
    protocol_ = kept;
  } else {
    return false;
  }
  return true;
}

bool H2Request::add_field(std::string_view name, std::string_view value) noexcept {
  const FieldId id = http::field_id(name);
  if (id == FieldId::other && name.find('_') != std::string_view::npos) {
    if (settings_->limits.underscores == config::Underscores::reject) refuse(400, "underscore in a field name");
    return true;
  }
  const std::string_view kept = texts_->keep(*pool_, value);
  if (!kept.data()) return false;
  switch (id) {
    case FieldId::host:
      if (host_field_.data()) refuse(400, "two Host fields");
      host_field_ = kept;
      return true;
    case FieldId::content_length:
      length_field_ = kept;
      has_length_ = true;
      break;
    case FieldId::te:
      head_->accepts_trailers = http::iequals(kept, "trailers");
      return true;
    case FieldId::expect:
      if (!http::iequals(kept, "100-continue")) refuse(417, "unknown expectation");
      head_->expect_continue = true;
      break;
    case FieldId::cookie:
      ++cookies_;
      break;
    default:
      break;
  }
  // Known names are static text; others are kept as they came, lower case.
  const std::string_view kept_name = id == FieldId::other ? texts_->keep(*pool_, name) : http::field_name(id);
  if (!kept_name.data()) return false;
  if (head_->fields.size() >= settings_->limits.fields || !head_->fields.add(kept_name, kept, id)) {
    refuse(431, "too many fields");
  }
  return true;
}

H2Request::Verdict H2Request::finish(bool end_stream) noexcept {
  if (verdict_.status != 0) return verdict_;
  if (head_->method_token.size() > kMethodMax) return {501, "method too long"};
  for (const Verdict verdict : {judge_host(), judge_target(), judge_framing(end_stream), judge_protocol()}) {
    if (verdict.status != 0) return verdict;
  }
  if (cookies_ > 1 && !join_cookies()) return {431, "header fields too large"};
  return {};
}

H2Request::Verdict H2Request::judge_host() noexcept {
  http::Authority named;
  http::Authority given;
  if (host_field_.data() && !http::parse_authority(host_field_, given)) return {400, "bad Host field"};
  if (head_->authority.empty()) {
    if (!host_field_.data()) return {400, "no authority"};
    head_->authority = host_field_;
    head_->host = given.host;
    return {};
  }
  if (!http::parse_authority(head_->authority, named)) return {400, "bad authority"};
  head_->host = named.host;
  if (host_field_.data() && !http::same_authority(named, given, head_->scheme))
    return {400, "Host differs from the authority"};
  return {};
}

H2Request::Verdict H2Request::judge_target() noexcept {
  const std::string_view target = head_->target;
  if (head_->method == http::Method::connect && protocol_.empty()) return {};  // no path; never served
  if (target.size() > settings_->limits.request_line) return {414, "request target too long"};
  if (target == "*") {
    head_->path = target;
    return head_->method == http::Method::options ? Verdict{} : Verdict{400, "bad request target"};
  }
  if (target.empty() || target.front() != '/') return {400, "bad request target"};
  const std::size_t mark = std::min(target.find('?'), target.size());
  head_->path = target.substr(0, mark);
  head_->query = target.substr(mark);
  if (const char* bad = http::check_query(head_->query)) return {400, bad};
  char* const scratch = texts_->reserve(*pool_, head_->path.size());
  if (!scratch) return {414, "request target too long"};
  const http::UriResult normal = http::normalise_path(head_->path, settings_->uri, {scratch, head_->path.size()});
  if (!normal.ok()) return {400, normal.error};
  head_->path = normal.path;
  return {};
}

H2Request::Verdict H2Request::judge_framing(bool end_stream) noexcept {
  if (has_length_ && !parse_content_length(length_field_, head_->content_length)) return {400, "bad Content-Length"};
  if (end_stream) {
    head_->framing = http::Framing::none;
    head_->expect_continue = false;  // there is nothing to go on with
    return head_->content_length == 0 ? Verdict{} : Verdict{400, "Content-Length without a body"};
  }
  head_->framing = has_length_ ? http::Framing::length : http::Framing::chunked;
  return {};
}

/// Extended CONNECT (RFC 8441) is what an HTTP/1 client does by GET and Upgrade: one form for both from here on.
H2Request::Verdict H2Request::judge_protocol() noexcept {
  if (protocol_.empty()) return {};
  if (head_->method != http::Method::connect) return {400, "protocol without CONNECT"};
  if (protocol_ != "websocket") return {501, "protocol not supported"};
  if (has_length_ || head_->framing == http::Framing::none) return {400, "WebSocket request with an end"};
  if (head_->fields.find("Sec-WebSocket-Version") != "13") return {400, "WebSocket version is not 13"};
  head_->fields.remove("Sec-WebSocket-Key");
  head_->protocol = protocol_;
  head_->method = http::Method::get;
  head_->method_token = "GET";
  head_->framing = http::Framing::until_close;
  return {};
}

/// HPACK likes crumbs, HTTP/1 wants one Cookie field (RFC 9113 8.2.3).
bool H2Request::join_cookies() noexcept {
  http::Fields& fields = head_->fields;
  std::size_t size = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields.id(i) == FieldId::cookie) size += fields[i].value.size() + 2;
  }
  char* const start = texts_->reserve(*pool_, size);
  if (!start) return false;
  char* out = start;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields.id(i) != FieldId::cookie) continue;
    const std::string_view crumb = fields[i].value;
    if (out != start) {
      std::memcpy(out, "; ", 2);
      out += 2;
    }
    std::memcpy(out, crumb.data(), crumb.size());
    out += crumb.size();
  }
  fields.remove(FieldId::cookie);
  return fields.add(FieldId::cookie, {start, static_cast<std::size_t>(out - start)});
}

}  // namespace postern::wire
