// Which requests of those that went well are logged: by a hash of the request's id, so that the same request is kept or
// left out wherever it is seen. Pure; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace postern::accesslog {

inline constexpr std::uint64_t kKeepAll = std::numeric_limits<std::uint64_t>::max();

/// What keeps() compares with, for a share from 0 to 1.
constexpr std::uint64_t keep_below(double share) noexcept {
  return share >= 1 ? kKeepAll : share <= 0 ? 0 : static_cast<std::uint64_t>(share * 0x1p64);
}

/// FNV-1a, with the last bits mixed into all others.
constexpr std::uint64_t sample_hash(std::string_view id) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdU;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53U;
  return hash ^ (hash >> 33);
}

constexpr bool keeps(std::string_view id, std::uint64_t below) noexcept {
  return below == kKeepAll || sample_hash(id) < below;
}

}  // namespace postern::accesslog
