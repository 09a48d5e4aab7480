// See settings.h.
#include "trace/settings.h"

#include <ctime>

#include "config/share.h"

namespace postern::trace {
namespace {

Format format_of(std::string_view word) noexcept {
  if (word == "b3") return Format::b3;
  if (word == "b3-multi") return Format::b3_multi;
  return word == "xray" ? Format::xray : Format::w3c;
}

}  // namespace

Settings::Settings(const config::Trace& trace) : exports_(trace.otlp.has_value()) {
  for (const std::string& word : trace.extract) {
    if (order_size_ < order_.size()) order_[order_size_++] = format_of(word);
  }
  for (const std::string& word : trace.inject) inject_.add(format_of(word));
  const double share = config::share_of(trace.sample).value_or(0);
  threshold_ = static_cast<std::uint64_t>(share * static_cast<double>(kRandomBits + 1));
}

TraceId Settings::make_id(std::uint64_t high, std::uint64_t low) const noexcept {
  if (inject_.has(Format::xray)) {
    timespec wall{};
    clock_gettime(CLOCK_REALTIME_COARSE, &wall);
    high = static_cast<std::uint64_t>(wall.tv_sec) << 32 | (high & 0xffffffff);
  }
  return {high, low == 0 ? 1 : low};
}

}  // namespace postern::trace
