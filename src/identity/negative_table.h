// Tokens that were just refused, by their 128-bit keyed hash, for a few seconds: a client that repeats a bad token does
// not pay with our CPU. The whole token is the key: a good token whose forged twin came first is not here. Only what
// the token itself is to blame for belongs in it, never that keys could not be had. Never allocates. One core only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/keyed_hash.h"

namespace postern::identity {

class NegativeTable {
 public:
  static constexpr std::size_t kEntries = 1024;
  static constexpr std::int64_t kLifeMs = 5000;

  struct Counters {
    std::uint64_t hits = 0;
    std::uint64_t added = 0;
  };

  /// Why it was refused, in the words (a small number) of whoever added it.
  std::optional<std::uint8_t> find(const KeyedHash& token, std::int64_t now_ms) noexcept;
  void add(const KeyedHash& token, std::uint8_t why, std::int64_t now_ms) noexcept;
  /// Keys or the config have changed: what was refused may be good now.
  void clear() noexcept { sets_ = {}; }

  const Counters& counters() const noexcept { return counters_; }

 private:
  static constexpr std::size_t kWays = 4;
  struct Entry {
    KeyedHash token;
    std::int64_t until_ms = 0;  // 0: free
    std::uint8_t why = 0;
  };
  using Set = std::array<Entry, kWays>;

  std::array<Set, kEntries / kWays> sets_{};
  Counters counters_;
};

}  // namespace postern::identity
