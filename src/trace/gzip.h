// A body for Content-Encoding: gzip. The exporter's thread only.
#pragma once

#include <string>
#include <string_view>

namespace postern::trace {

/// Empty when memory is short.
std::string gzip(std::string_view text);

}  // namespace postern::trace
