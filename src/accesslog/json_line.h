// A record as a line of JSON. Most of what the access log costs is here: it writes into room that any record fits in,
// and copies and checks eight bytes at a time. Writer thread, owned by its LineFormatter.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "accesslog/record.h"

namespace postern::accesslog {

/// What is not in the record as the line shows it: secrets taken out, the second as text.
struct Prepared {
  std::string_view second;  // "2026-01-31T23:59:59."
  std::string_view host;
  std::string_view target;
  std::string_view referer;
};

class JsonLine {
 public:
  JsonLine();

  /// With its '\n'; good until the next call.
  std::string_view render(const DecodedRecord& decoded, const Prepared& prepared);

 private:
  std::unique_ptr<char[]> room_;
  std::string escaped_;
};

}  // namespace postern::accesslog
