// Cross checks on the access log: a template that can be rendered, and rotation only where there is a file to rotate.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/log_template.h"
#include "config/validate.h"

namespace postern::config {
namespace {

void check_template(const AccessLog& log, Report& report) {
  const std::string key = "access_log.template";
  if (report.is_faulty(key) || report.is_faulty("access_log.format")) return;
  if (log.format != AccessFormat::text) {
    if (!log.line_template.empty()) report.add(key, "has no effect unless format is \"template\"");
    return;
  }
  if (log.line_template.empty()) {
    report.add(key, "missing", "a line such as '{client} \"{method} {target}\" {status}'");
    return;
  }
  const LogTemplate parsed = parse_log_template(log.line_template);
  if (parsed.ok()) return;
  const bool is_name = parsed.error.starts_with("unknown");
  report.add(key, parsed.error, is_name ? fmt::format("one of {}", fmt::join(log_variables(), ", ")) : "",
             parsed.nearest);
}

void check_rotation(const AccessLog& log, Report& report) {
  constexpr std::array<std::string_view, 5> kNoFiles{"", "stdout", "stderr", "syslog", "journald"};
  const bool is_file = std::ranges::find(kNoFiles, log.path) == kNoFiles.end();
  const bool rotates = log.rotate != Rotate::never || log.rotate_size != 0;
  if (report.is_faulty("access_log.path") || report.is_faulty("access_log.rotate")) return;
  const auto complain = [&](bool is_wrong, const char* key, const char* why) {
    if (is_wrong && !report.is_faulty(key)) report.add(key, why);
  };
  complain(log.rotate != Rotate::never && !is_file, "access_log.rotate", "only a file can be rotated");
  complain(log.rotate_size != 0 && !is_file, "access_log.rotate_size", "only a file can be rotated");
  const char* const unused = "has no effect without rotate or rotate_size";
  complain(log.keep_days != 0 && !rotates, "access_log.keep_days", unused);
  complain(log.compress != Compress::none && !rotates, "access_log.compress", unused);
}

}  // namespace

void validate_logs(const Settings& settings, Report& report) {
  check_template(settings.access_log, report);
  check_rotation(settings.access_log, report);
}

}  // namespace postern::config
