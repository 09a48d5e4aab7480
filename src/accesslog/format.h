// Records to lines: JSON, Common Log Format, or the latter with referer and agent (combined).
// Writer thread; one formatter for all cores. Secrets are masked and everything is escaped here, nowhere earlier.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "accesslog/record.h"

namespace postern::accesslog {

enum class Format : std::uint8_t { json, common, combined };

class LineFormatter {
 public:
  explicit LineFormatter(Format format) noexcept : format_(format) {}

  /// Appends one line with its '\n'.
  void append(std::string& out, const DecodedRecord& decoded);

 private:
  void append_json_line(std::string& out, const DecodedRecord& decoded);
  void append_common_line(std::string& out, const DecodedRecord& decoded);
  /// `uri` without secrets; good until the next call.
  std::string_view redacted(std::string_view uri);
  /// Renders the second once; most lines share it with the one before.
  void set_time(std::int64_t unix_ns);

  Format format_;
  std::int64_t second_ = -1;
  std::string second_text_;
  std::string scratch_;
};

}  // namespace postern::accesslog
