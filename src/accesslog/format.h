// Records to lines: JSON, Common Log Format, the latter with referer and agent (combined), or a template.
// Writer thread; one formatter for all cores. Secrets are masked and everything is escaped here, nowhere earlier.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accesslog/json_line.h"
#include "accesslog/record.h"
#include "config/log_template.h"
#include "config/settings_logs.h"

namespace postern::accesslog {

using Format = config::AccessFormat;

class LineFormatter {
 public:
  /// `line_template`: of Format::text; the config has checked it.
  explicit LineFormatter(Format format, std::string_view line_template = {})
      : format_(format), template_(config::parse_log_template(line_template).parts) {}

  /// Appends one line with its '\n'.
  void append(std::string& out, const DecodedRecord& decoded);

 private:
  void append_json_line(std::string& out, const DecodedRecord& decoded);
  void append_common_line(std::string& out, const DecodedRecord& decoded);
  void append_template_line(std::string& out, const DecodedRecord& decoded);  // this and below: format_template.cc
  void append_variable(std::string& out, const config::LogTemplatePart& part, const DecodedRecord& decoded);
  bool append_number_variable(std::string& out, config::LogVariable variable, const AccessRecord& record);
  std::string_view text_variable(config::LogVariable variable, const AccessRecord& record);
  /// `uri` without secrets, in `space` where there were any.
  static std::string_view redacted(std::string_view uri, std::string& space);
  /// Renders the second once; most lines share it with the one before.
  void set_time(std::int64_t unix_ns);

  Format format_;
  std::vector<config::LogTemplatePart> template_;
  std::int64_t second_ = -1;
  std::string second_text_;
  std::string target_, referer_;  // without their secrets
  std::string scratch_;
  JsonLine json_;
};

}  // namespace postern::accesslog
