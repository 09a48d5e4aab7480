// What has been revoked, as one core knows it. Bounded: when there are more revocations than room, the issuer that has
// most of them is cut as a whole (all that it has issued until now is refused), because forgetting one would let a
// revoked token in. Asked on a miss, and on hits that were last asked about at an older epoch. One core only.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "identity/revocation.h"
#include "postern/principal.h"

namespace postern::identity {

class RevocationTable {
 public:
  static constexpr std::size_t kDefaultEntries = 8192;

  struct Counters {
    std::uint64_t applied = 0;
    std::uint64_t overflows = 0;  // issuers that were cut because the table was full
    std::uint64_t refused = 0;    // credentials that were asked about and are revoked
  };

  explicit RevocationTable(const HashSeed& seed, std::size_t most = kDefaultEntries);

  void apply(const Revocation& revocation, std::int64_t now);
  void apply(const RevocationBatch& batch, std::int64_t now);

  /// Goes up with every change; never 0. What was good at this epoch is good until it moves.
  std::uint64_t epoch() const noexcept { return epoch_; }
  bool is_revoked(const Principal& who, std::int64_t now) noexcept;

  std::size_t size() const noexcept { return size_; }
  const Counters& counters() const noexcept { return counters_; }

 private:
  struct Entry {
    KeyedHash key;             // both 0: free
    std::uint64_t issuer = 0;  // the hash of its name
    std::int64_t not_before = 0;
    std::int64_t until = 0;
  };
  struct Cut {
    std::uint64_t issuer = 0;
    std::int64_t not_before = 0;
    std::int64_t until = 0;
  };

  KeyedHash key_of(std::uint64_t issuer, RevokedKind kind, std::string_view value) const noexcept;
  std::uint64_t issuer_of(std::string_view name) const noexcept;
  Entry* find(const KeyedHash& key) noexcept;
  bool holds(std::uint64_t issuer, RevokedKind kind, std::string_view value, const Principal& who,
             std::int64_t now) noexcept;
  void put(const Entry& entry) noexcept;
  void make_room(std::int64_t now);
  std::uint64_t cut_largest(std::int64_t now);
  void cut(std::uint64_t issuer, std::int64_t not_before, std::int64_t until);
  bool is_cut(std::uint64_t issuer, std::int64_t issued_at, std::int64_t now) const noexcept;

  const HashSeed seed_;
  const std::size_t most_;
  std::vector<Entry> slots_;  // a power of two, at most half full; empty until there is one
  std::vector<Cut> cuts_;     // few; issuer 0: everybody
  std::size_t size_ = 0;
  std::uint64_t epoch_ = 1;
  Counters counters_;
};

}  // namespace postern::identity
