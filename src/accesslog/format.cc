// See format.h.
#include "accesslog/format.h"

#include <charconv>
#include <ctime>

#include "accesslog/redact.h"
#include "base/escape.h"

namespace postern::accesslog {
namespace {

constexpr std::string_view kCutMark = "...";

void append_number(std::string& out, std::uint64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

/// Three digits, zeros in front.
void append_thousandths(std::string& out, std::uint64_t value) {
  const char digits[] = {static_cast<char>('0' + value / 100), static_cast<char>('0' + value / 10 % 10),
                         static_cast<char>('0' + value % 10)};
  out.append(digits, sizeof digits);
}

/// Milliseconds with three decimals.
void append_ms(std::string& out, std::int64_t ns) {
  const auto us = static_cast<std::uint64_t>(ns > 0 ? ns : 0) / 1000;
  append_number(out, us / 1000);
  out += '.';
  append_thousandths(out, us % 1000);
}

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

/// A word of a common line: never empty, never with a space.
void append_word(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += '-';
    return;
  }
  const std::size_t start = out.size();
  append_hex_escaped(out, text);
  for (std::size_t at = out.find(' ', start); at != std::string::npos; at = out.find(' ', at)) {
    out.replace(at, 1, "\\x20");
  }
}

void append_quoted(std::string& out, std::string_view text, bool is_cut) {
  out += '"';
  if (text.empty()) out += '-';
  append_hex_escaped(out, text);
  if (is_cut) out += kCutMark;
  out += '"';
}

std::string_view without_userinfo(std::string_view host) noexcept {
  return host.substr(host.rfind('@') + 1);  // npos + 1 is 0
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
  const char* pattern = format_ == Format::json ? "%Y-%m-%dT%H:%M:%S." : "[%d/%b/%Y:%H:%M:%S +0000]";
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
  if (format_ == Format::json) {
    append_json_line(out, decoded);
  } else {
    append_common_line(out, decoded);
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
  append_member(out, ",\"trace_id\":", r.trace_id);
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
