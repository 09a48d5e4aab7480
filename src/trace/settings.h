// The [trace] table as requests need it: compiled once per config generation, immutable inside the Snapshot. Any
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "config/settings.h"
#include "trace/propagation.h"

namespace postern::trace {

class Settings {
 public:
  explicit Settings(const config::Trace& trace);

  [[nodiscard]] std::span<const Format> order() const noexcept { return {order_.data(), order_size_}; }
  [[nodiscard]] FormatSet inject() const noexcept { return inject_; }
  /// Spans go somewhere.
  [[nodiscard]] bool exports() const noexcept { return exports_; }
  /// Whether a trace that begins here is recorded. By its id, so that everybody who asks decides alike.
  [[nodiscard]] bool samples(TraceId id) const noexcept { return (id.low & kRandomBits) < threshold_; }
  /// A trace id from random numbers; where X-Ray's header is written, it begins with the time, as X-Ray insists.
  [[nodiscard]] TraceId make_id(std::uint64_t high, std::uint64_t low) const noexcept;

 private:
  static constexpr std::uint64_t kRandomBits = (std::uint64_t{1} << 56) - 1;  // what W3C level 2 wants random

  std::array<Format, 3> order_{};
  std::size_t order_size_ = 0;
  FormatSet inject_;
  std::uint64_t threshold_ = 0;
  bool exports_ = false;
};

}  // namespace postern::trace
