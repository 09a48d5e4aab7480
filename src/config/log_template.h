// The syntax of `access_log.template`: text with {variables}, each of which may say how it is escaped.
// The config checks it, accesslog renders it. Pure; start-up and reload, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern::config {

/// In the order of the names in log_template.cc.
enum class LogVariable : std::uint8_t {
  time,
  time_clf,
  time_unix,
  request_id,
  client,
  listener,
  route,
  user,
  method,
  host,
  target,
  http,
  tls,
  status,
  bytes_in,
  bytes_out,
  duration_ms,
  upstream,
  endpoint,
  upstream_ms,
  retries,
  user_agent,
  referer,
  error,
  trace_id,
  access,
  count_,
};

/// What becomes of bytes that could be taken for the template's own.
enum class LogEscape : std::uint8_t {
  word,    // outside of quotes: as quoted, and spaces too; nothing shows as "-"
  quoted,  // between double quotes: controls, quotes, backslashes and what is not ASCII become \xHH; nothing: "-"
  json,    // {name:json}: the inside of a JSON string; nothing stays nothing
};

struct LogTemplatePart {
  std::string text;  // stands before the variable
  bool has_variable = false;
  LogVariable variable = LogVariable::time;
  LogEscape escape = LogEscape::word;

  bool operator==(const LogTemplatePart&) const = default;
};

struct LogTemplate {
  std::vector<LogTemplatePart> parts;
  std::string error;         // empty: the template is good
  std::string_view nearest;  // to an unknown variable
  [[nodiscard]] bool ok() const { return error.empty(); }
};

/// `{name}`, `{name:json}`; `{{` and `}}` are braces. No line breaks or other controls: a record is one line.
LogTemplate parse_log_template(std::string_view text);

std::span<const std::string_view> log_variables();

}  // namespace postern::config
