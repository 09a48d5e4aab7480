// LineFormatter's part on templates: a part's text as it stands, a variable as the template says that it is escaped.
#include <array>
#include <ctime>

#include "accesslog/format.h"
#include "accesslog/format_text.h"

namespace postern::accesslog {
namespace {

using config::LogEscape;
using config::LogVariable;

/// The bit of Cut for a variable that may have been cut; 0: none.
std::uint32_t cut_bit(LogVariable variable) noexcept {
  switch (variable) {
    case LogVariable::method:
      return kCutMethod;
    case LogVariable::host:
      return kCutHost;
    case LogVariable::target:
      return kCutTarget;
    case LogVariable::user_agent:
      return kCutAgent;
    case LogVariable::referer:
      return kCutReferer;
    default:
      return 0;
  }
}

void append_escaped(std::string& out, std::string_view text, LogEscape escape) {
  if (escape == LogEscape::json) {
    append_json(out, text);
  } else if (escape == LogEscape::word || text.empty()) {
    append_word(out, text);  // "-" is the same within quotes
  } else {
    append_hex_escaped(out, text);
  }
}

}  // namespace

void LineFormatter::append_template_line(std::string& out, const DecodedRecord& decoded) {
  for (const config::LogTemplatePart& part : template_) {
    out += part.text;
    if (part.has_variable) append_variable(out, part, decoded);
  }
  out += '\n';
}

void LineFormatter::append_variable(std::string& out, const config::LogTemplatePart& part,
                                    const DecodedRecord& decoded) {
  if (append_number_variable(out, part.variable, decoded.record)) return;
  append_escaped(out, text_variable(part.variable, decoded.record), part.escape);
  if ((decoded.cut & cut_bit(part.variable)) != 0) out += kCutMark;
}

bool LineFormatter::append_number_variable(std::string& out, LogVariable variable, const AccessRecord& r) {
  const auto millis = static_cast<std::uint64_t>(r.time_ns % 1'000'000'000) / 1'000'000;
  switch (variable) {
    case LogVariable::time:
      out += second_text_;
      append_thousandths(out, millis);
      out += 'Z';
      return true;
    case LogVariable::time_unix:
      append_number(out, static_cast<std::uint64_t>(r.time_ns) / 1'000'000'000);
      out += '.';
      append_thousandths(out, millis);
      return true;
    case LogVariable::status:
      append_thousandths(out, r.status % 1000U);
      return true;
    case LogVariable::bytes_in:
      append_number(out, r.bytes_in);
      return true;
    case LogVariable::bytes_out:
      append_number(out, r.bytes_out);
      return true;
    case LogVariable::duration_ms:
      append_ms(out, r.duration_ns);
      return true;
    case LogVariable::retries:
      append_number(out, r.retries);
      return true;
    case LogVariable::upstream_ms:
      if (r.upstream_ns < 0) return false;  // nothing, as the template shows nothing
      append_ms(out, r.upstream_ns);
      return true;
    default:
      return false;
  }
}

std::string_view LineFormatter::text_variable(LogVariable variable, const AccessRecord& r) {
  switch (variable) {
    case LogVariable::time_clf: {
      const std::time_t seconds = static_cast<std::time_t>(r.time_ns / 1'000'000'000);
      std::tm utc{};
      gmtime_r(&seconds, &utc);
      scratch_.resize(40);
      scratch_.resize(std::strftime(scratch_.data(), scratch_.size(), "%d/%b/%Y:%H:%M:%S +0000", &utc));
      return scratch_;
    }
    case LogVariable::request_id:
      return r.request_id;
    case LogVariable::client:
      return r.client;
    case LogVariable::listener:
      return r.listener;
    case LogVariable::route:
      return r.route;
    case LogVariable::user:
      return r.user;
    case LogVariable::method:
      return r.method;
    case LogVariable::host:
      return without_userinfo(r.host);
    case LogVariable::target:
      return redacted(r.target, target_);
    case LogVariable::http:
      scratch_ = {static_cast<char>('0' + r.http_major % 10), '.', static_cast<char>('0' + r.http_minor % 10)};
      return scratch_;
    case LogVariable::tls:
      return r.tls_version;
    case LogVariable::upstream:
      return r.upstream;
    case LogVariable::endpoint:
      return r.endpoint;
    case LogVariable::user_agent:
      return r.user_agent;
    case LogVariable::referer:
      return redacted(r.referer, referer_);
    case LogVariable::error:
      return r.error;
    case LogVariable::trace_id:
      return r.trace_id;
    case LogVariable::access:
      return r.access;
    default:
      return {};
  }
}

}  // namespace postern::accesslog
