// See format.h.
#include "accesslog/format.h"

#include <ctime>

#include "accesslog/format_text.h"
#include "accesslog/redact.h"
#include "base/escape.h"

namespace postern::accesslog {
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

std::string_view LineFormatter::redacted(std::string_view uri, std::string& space) {
  if (uri.find('=') == std::string_view::npos && uri.find('@') == std::string_view::npos) return uri;
  space.clear();
  append_redacted(space, uri);
  return space;
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
  const Prepared prepared{second_text_, without_userinfo(r.host), redacted(r.target, target_),
                          redacted(r.referer, referer_)};
  out += json_.render(decoded, prepared);
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
    append_word(out, redacted(r.target, target_));
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
    append_quoted(out, redacted(r.referer, referer_), (decoded.cut & kCutReferer) != 0);
    out += ' ';
    append_quoted(out, r.user_agent, (decoded.cut & kCutAgent) != 0);
  }
  out += '\n';
}

}  // namespace postern::accesslog
