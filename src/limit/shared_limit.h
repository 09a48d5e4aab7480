// One limit's budget, shared by all cores of the process: a bucket per key, of which cores lease slices. Made by the
// control thread; outlives reloads that do not change it. Any thread; a call locks one shard of the table.
// What cores hold counts as spent until they say otherwise, so that all cores together never spend more than `burst`
// and what has flowed in since.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/keyed_hash.h"
#include "config/settings_policy.h"

namespace postern::limit {

/// What a limit counts apart.
enum Part : std::uint8_t {
  kSubject = 1,
  kGroup = 2,
  kApiKey = 4,
  kClient = 8,
  kRoute = 16,
  kModel = 32,
  kIssuer = 64,
};

/// What a refused request has used up.
enum class Budget : std::uint8_t { requests, body, concurrent };

/// What a core comes with and wants.
struct Ask {
  std::uint32_t spent_requests = 0;  // of what it had leased, since it came last
  std::int64_t spent_body = 0;
  std::uint32_t wants_requests = 0;  // at most; 0: none
  std::uint32_t wants_slots = 0;
  std::int64_t wants_body = 0;   // at most
  std::int64_t needs_body = -1;  // so much is given where anything is left, even if that leads below zero; -1: none
  bool is_crowd = false;         // what it had came from the bucket of all that found no place
};

struct Grant {
  std::uint32_t requests = 0;
  std::uint32_t slots = 0;
  std::int64_t body = 0;
  bool is_refused = false;
  Budget refused = Budget::requests;
  Nanoseconds wait = 0;    // until it is worth another try, where refused
  std::uint64_t left = 0;  // requests that nobody has leased
  bool is_scarce = false;  // slots: give them back at once
  bool is_crowd = false;
};

class SharedLimit {
 public:
  /// `slot`: its place in the tables of the cores. `cores`: among which it is divided.
  SharedLimit(const config::Limit& settings, std::uint32_t slot, std::size_t cores, const HashSeed& seed);
  ~SharedLimit();
  SharedLimit(const SharedLimit&) = delete;
  SharedLimit& operator=(const SharedLimit&) = delete;

  /// All that is asked for, or a refusal (and then nothing but the report has been taken).
  Grant lease(const KeyedHash& key, const Ask& ask, Nanoseconds now) noexcept;
  /// What is left of a lease, and what has been spent of it. `body` below zero: bytes that were spent beyond it.
  void give_back(const KeyedHash& key, const Ask& spent, std::uint32_t requests, std::uint32_t slots, std::int64_t body,
                 Nanoseconds now) noexcept;

  [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
  [[nodiscard]] const std::string& name() const noexcept { return settings_.name; }
  [[nodiscard]] const config::Limit& settings() const noexcept { return settings_; }
  [[nodiscard]] std::uint8_t parts() const noexcept { return parts_; }
  [[nodiscard]] std::uint64_t burst() const noexcept { return burst_; }
  [[nodiscard]] const HashSeed& seed() const noexcept { return seed_; }
  /// Seconds until `requests` of them have flowed in, rounded up.
  [[nodiscard]] std::uint32_t seconds_for(double requests) const noexcept;

  /// Buckets at present, and requests that had to share one because there was no room for another.
  [[nodiscard]] std::uint64_t keys() const noexcept;
  [[nodiscard]] std::uint64_t crowded() const noexcept;
  /// Times that a core has come for more.
  [[nodiscard]] std::uint64_t leases() const noexcept;

 private:
  struct Bucket;
  struct Shard;

  template <class Count>
  std::uint64_t sum(Count count) const noexcept;
  Shard& shard_of(const KeyedHash& key) noexcept;
  void refill(Bucket& bucket, Nanoseconds now) const noexcept;
  static void settle(Bucket& bucket, const Ask& spent) noexcept;
  [[nodiscard]] bool is_full(const Bucket& bucket) const noexcept;
  [[nodiscard]] bool is_heavy(const Bucket& bucket) const noexcept;
  bool make_room(Shard& shard, Nanoseconds now) noexcept;
  Bucket& find_or_add(Shard& shard, const KeyedHash& key, bool is_crowd, Nanoseconds now) noexcept;
  void touch(Shard& shard, Bucket& bucket) noexcept;
  [[nodiscard]] bool refuse(const Bucket& bucket, const Ask& ask, Grant& grant) const noexcept;
  [[nodiscard]] std::uint32_t slice(double available, std::uint32_t wanted) const noexcept;

  const config::Limit settings_;
  const std::uint32_t slot_;
  const std::uint8_t parts_;
  const std::uint64_t burst_;
  const double requests_per_ns_;
  const double body_per_ns_;
  const double share_;  // of what is there that one lease takes at most
  const HashSeed seed_;
  const std::unique_ptr<Shard[]> shards_;
};

}  // namespace postern::limit
