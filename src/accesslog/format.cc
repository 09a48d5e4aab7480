// See format.h.
#include "accesslog/format.h"

#include <ctime>

#include "accesslog/format_text.h"
#include "accesslog/redact.h"
#include "base/escape.h"

namespace postern::accesslog {
namespace {

/// `key` holds its comma, quotes and colon: ",\"host\":".
void append_member(std::string& out, std::string_view key, std::string_view text, bool is_cut = false) {
  if (text.empty()) return;
  out.append(key).append("\"");
  append_json(out, text);
  if (is_cut) out += kCutMark;
  out += '"';
}

void append_member(std::string& out, std::string_view key, std::uint64_t number) {
  out += key;
  append_number(out, number);
}

}  // namespace

void LineFormatter::set_time(std::int64_t unix_ns) {
  const std::int64_t second = unix_ns / 1'000'000'000;
  if (second == second_) return;
  second_ = second;
  const std::time_t seconds = static_cast<std::time_t>(second);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  // %b is in English: the program never calls setlocale().
  const bool is_iso = format_ == Format::json || format_ == Format::text;
  const char* pattern = is_iso ? "%Y-%m-%dT%H:%M:%S." : "[%d/%b/%Y:%H:%M:%S +0000]";
  second_text_.assign(text, std::strftime(text, sizeof text, pattern, &utc));
}

std::string_view LineFormatter::redacted(std::string_view uri) {
  if (uri.find_first_of("=@") == std::string_view::npos) return uri;
  scratch_.clear();
  append_redacted(scratch_, uri);
  return scratch_;
}

void LineFormatter::append(std::string& out, const DecodedRecord& decoded) {
  set_time(decoded.record.time_ns);
  switch (format_) {
    case Format::json:
      return append_json_line(out, decoded);
    case Format::text:
      return append_template_line(out, decoded);
    case Format::common:
    case Format::combined:
      return append_common_line(out, decoded);
  }
}

void LineFormatter::append_json_line(std::string& out, const DecodedRecord& decoded) {
  const AccessRecord& r = decoded.record;
  out.append("{\"time\":\"").append(second_text_);
  append_thousandths(out, static_cast<std::uint64_t>(r.time_ns % 1'000'000'000) / 1'000'000);
  out += "Z\"";
  append_member(out, ",\"request_id\":", r.request_id);
  append_member(out, ",\"client\":", r.client);
  append_member(out, ",\"listener\":", r.listener);
  append_member(out, ",\"route\":", r.route);
  append_member(out, ",\"user\":", r.user);
  append_member(out, ",\"method\":", r.method, (decoded.cut & kCutMethod) != 0);
  append_member(out, ",\"host\":", without_userinfo(r.host), (decoded.cut & kCutHost) != 0);
  append_member(out, ",\"target\":", redacted(r.target), (decoded.cut & kCutTarget) != 0);
  const char version[] = {static_cast<char>('0' + r.http_major % 10), '.', static_cast<char>('0' + r.http_minor % 10)};
  append_member(out, ",\"http\":", std::string_view(version, sizeof version));
  append_member(out, ",\"tls\":", r.tls_version);
  append_member(out, ",\"status\":", std::uint64_t{r.status});
  append_member(out, ",\"bytes_in\":", r.bytes_in);
  append_member(out, ",\"bytes_out\":", r.bytes_out);
  out += ",\"duration_ms\":";
  append_ms(out, r.duration_ns);
  append_member(out, ",\"upstream\":", r.upstream);
  append_member(out, ",\"endpoint\":", r.endpoint);
  if (r.upstream_ns >= 0) {
    out += ",\"upstream_ms\":";
    append_ms(out, r.upstream_ns);
  }
  if (r.retries != 0) append_member(out, ",\"retries\":", std::uint64_t{r.retries});
  append_member(out, ",\"user_agent\":", r.user_agent, (decoded.cut & kCutAgent) != 0);
  append_member(out, ",\"referer\":", redacted(r.referer), (decoded.cut & kCutReferer) != 0);
  append_member(out, ",\"error\":", r.error);
  out += "}\n";
}

void LineFormatter::append_common_line(std::string& out, const DecodedRecord& decoded) {
  const AccessRecord& r = decoded.record;
  append_word(out, r.client);
  out += " - ";
  append_word(out, r.user);
  out.append(" ").append(second_text_).append(" \"");
  if (r.method.empty()) {
    out += '-';  // no request line was understood
  } else {
    append_word(out, r.method);
    out += ' ';
    append_word(out, redacted(r.target));
    if ((decoded.cut & kCutTarget) != 0) out += kCutMark;
    out += " HTTP/";
    append_number(out, r.http_major);
    out += '.';
    append_number(out, r.http_minor);
  }
  out += "\" ";
  append_thousandths(out, r.status % 1000U);
  out += ' ';
  append_number(out, r.bytes_out);
  if (format_ == Format::combined) {
    out += ' ';
    append_quoted(out, redacted(r.referer), (decoded.cut & kCutReferer) != 0);
    out += ' ';
    append_quoted(out, r.user_agent, (decoded.cut & kCutAgent) != 0);
  }
  out += '\n';
}

}  // namespace postern::accesslog
