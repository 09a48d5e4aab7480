// Typed settings of both logs: the daemon's own, the access log, and the syslog server that either may go to.
// Included by settings.h. Plain values, any thread.
#pragma once

#include <cstdint>
#include <string>

namespace postern::config {

enum class LogLevel : std::uint8_t { error, warn, info, debug };
enum class LogFormat : std::uint8_t { logfmt, json };
enum class LogOutput : std::uint8_t { standard_error, syslog, journald };
enum class AccessFormat : std::uint8_t { json, common, combined, text };
enum class Rotate : std::uint8_t { never, hourly, daily };
enum class Compress : std::uint8_t { none, gzip, zstd };

/// [log]
struct OwnLog {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::logfmt;
  LogOutput output = LogOutput::standard_error;

  bool operator==(const OwnLog&) const = default;
};

/// [access_log]
struct AccessLog {
  std::string path;  // "": off, "stdout", "stderr", "syslog", "journald", or a file
  AccessFormat format = AccessFormat::json;
  std::string line_template;  // AccessFormat::text; see log_template.h
  std::string sample;         // a share, see share_of()
  Rotate rotate = Rotate::never;
  std::uint64_t rotate_size = 0;  // bytes; 0: whatever the size
  std::uint32_t keep = 0;         // rotated files; 0: all
  std::uint32_t keep_days = 0;    // 0: for ever
  Compress compress = Compress::none;
  std::uint32_t ring = 0;  // entries per core

  bool operator==(const AccessLog&) const = default;
};

/// [syslog]
struct Syslog {
  std::string address;  // see parse_syslog_address()
  std::uint32_t facility = 0;
  std::uint32_t access_facility = 0;
  std::string tag;

  bool operator==(const Syslog&) const = default;
};

}  // namespace postern::config
