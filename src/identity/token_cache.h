// Tokens that this core has verified, and whose they are. The key is the whole token: a keyed hash finds the place, and
// every byte is compared. A hit asks again what may have changed since: time, the issuer's keys, revocations, the
// config. What a route thinks of the principal (audience, scopes, policy, proof of possession) is not cached: ask it
// each time. Bounded by entries and bytes; tokens that are seen once do not push out those that come again (S3-FIFO:
// a newcomer is on probation in a tenth of the room). Removed tokens are wiped. One core only: no locks, no atomics.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "crypto/secret_text.h"
#include "identity/live_keys.h"
#include "identity/revocation_table.h"
#include "postern/principal.h"

namespace postern::identity {

/// What a verification rested on.
struct TokenFacts {
  IssuerIndex issuer = 0;
  KeyId key = 0;
  std::int64_t good_from = 0;   // seconds since 1970: `nbf`, the issuer's leeway included; 0: no matter
  std::int64_t good_until = 0;  // `exp`, the leeway included: refused from that second on; 0: no matter
};

class TokenCache {
 public:
  struct Limits {
    std::size_t entries = 16384;
    std::size_t bytes = std::size_t{32} << 20;  // tokens and principals together, roughly
    std::int64_t ttl = 900;                     // seconds; then it is verified again
  };
  struct Counters {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;    // never seen, or pushed out
    std::uint64_t expired = 0;   // were there, but `exp` or the ttl has passed
    std::uint64_t key_gone = 0;  // were there, but the issuer has dropped the key
    std::uint64_t revoked = 0;   // were there, but somebody took the trust back
    std::uint64_t inserted = 0;
    std::uint64_t pushed_out = 0;  // to make room
    std::uint64_t too_large = 0;   // not kept for that
  };
  /// What a hit has to agree with.
  struct Present {
    std::int64_t now;          // seconds since 1970
    std::uint64_t generation;  // of the identity part of the config that this request is pinned to; grows
    const LiveKeys& keys;
    RevocationTable& revoked;
  };

  TokenCache(const HashSeed& seed, const Limits& limits);
  TokenCache(const TokenCache&) = delete;
  TokenCache& operator=(const TokenCache&) = delete;

  /// Of the whole token; the same number is good for the NegativeTable.
  KeyedHash hash_of(std::string_view token) const noexcept { return seed_.hash(token); }

  /// nullptr pin: not known, or not good any more. Allocates nothing.
  PrincipalPin find(std::string_view token, const KeyedHash& hash, const Present& present) noexcept;
  /// After a verification that succeeded, and after `revoked` was asked (this does not). Not kept: a token that is too
  /// large, or of a generation older than what is there.
  void insert(std::string_view token, const KeyedHash& hash, const PrincipalPin& who, const TokenFacts& facts,
              const Present& present);
  /// An introspection said "inactive", or the like.
  void erase(std::string_view token, const KeyedHash& hash) noexcept;
  void clear() noexcept;

  std::size_t size() const noexcept { return small_.count + main_.count; }
  std::size_t bytes() const noexcept { return small_.bytes + main_.bytes; }
  const Counters& counters() const noexcept { return counters_; }

 private:
  using Place = std::uint32_t;
  static constexpr Place kNone = 0xffffffff;

  struct Entry {
    KeyedHash hash;
    crypto::SecretText token;
    PrincipalPin who;
    std::int64_t good_from = 0;
    std::int64_t good_until = 0;
    std::uint64_t generation = 0;
    std::uint64_t key_epoch = 0;         // of LiveKeys, when the key was last seen there
    std::uint64_t revocation_epoch = 0;  // of RevocationTable, when it was last asked
    KeyId key = 0;
    Place newer = kNone;
    Place older = kNone;
    std::uint32_t bytes = 0;
    IssuerIndex issuer = 0;
    std::uint8_t uses = 0;  // since it last stood at the end of its queue; at most 3
    bool in_main = false;
  };
  struct Queue {
    Place newest = kNone;
    Place oldest = kNone;
    std::size_t count = 0;
    std::size_t bytes = 0;
  };
  enum class Verdict : std::uint8_t { good, other_generation, expired, key_gone, revoked };

  struct Slot {
    Place place = kNone;    // kNone: free
    std::uint32_t tag = 0;  // a part of the hash, so that few entries are touched in vain
  };

  Place look_up(std::string_view token, const KeyedHash& hash) const noexcept;
  Verdict judge(Entry& entry, const Present& present) noexcept;
  void fill(Entry& entry, const PrincipalPin& who, const TokenFacts& facts, const Present& present) const noexcept;
  void count_refusal(Verdict verdict) noexcept;
  void remove(Place place) noexcept;
  void start();
  Place take_place();

  // The index: open addressing over places, at most half full.
  static std::uint32_t tag_of(const KeyedHash& hash) noexcept { return static_cast<std::uint32_t>(hash.high >> 32); }
  std::size_t home_of(const KeyedHash& hash) const noexcept { return hash.low & (index_.size() - 1); }
  std::size_t next(std::size_t at) const noexcept { return (at + 1) & (index_.size() - 1); }
  void index_add(Place place) noexcept;
  void index_remove(Place place) noexcept;

  // The queues, and who leaves them: token_cache_queues.cc.
  void push(Queue& queue, Place place) noexcept;
  void unlink(Place place) noexcept;
  void make_room(std::size_t bytes) noexcept;
  void shrink_small() noexcept;
  void shrink_main() noexcept;
  void push_out(Place place) noexcept;
  bool was_here(const KeyedHash& hash) const noexcept;

  const HashSeed seed_;
  const Limits limits_;
  // Empty until the first token comes: who asks nobody pays nothing. Entries take memory one by one.
  std::vector<Slot> index_;
  std::vector<Entry> entries_;         // never moves: has room for all of them
  std::vector<Place> free_;            // has room for all of them
  std::vector<std::uint64_t> ghosts_;  // of those that were pushed out on probation
  Queue small_;
  Queue main_;
  Counters counters_;
};

}  // namespace postern::identity
