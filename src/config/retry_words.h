// The words of route.retry.on: the schema lists them, the route's compiler makes bits of them. Constant data.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings_failures.h"

namespace postern::config {

/// In the order of RetryOn.
inline constexpr std::array<std::string_view, static_cast<std::size_t>(RetryOn::count_)> kRetryWords{
    "connect", "stale", "refused-stream", "reset", "timeout", "unavailable", "429", "500", "502", "503", "504"};

constexpr std::uint32_t bit_of(RetryOn what) noexcept { return 1U << static_cast<unsigned>(what); }

/// Words that are none are left out: the schema has complained about them.
inline std::uint32_t retry_bits(const std::vector<std::string>& words) noexcept {
  std::uint32_t bits = 0;
  for (const std::string& word : words) {
    const auto at = std::find(kRetryWords.begin(), kRetryWords.end(), word);
    if (at != kRetryWords.end()) bits |= 1U << static_cast<unsigned>(at - kRetryWords.begin());
  }
  return bits;
}

}  // namespace postern::config
