// How many bad signatures each client address may make this core check per second. Random bad tokens are all different,
// so remembering them does not help; this does. An IPv6 client is its /64. Good tokens cost nothing. Bounded: clients
// beyond the table's room share one budget. Never allocates after construction. One core only.
#pragma once

#include <cstdint>
#include <vector>

#include "base/keyed_hash.h"
#include "http/address.h"

namespace postern::identity {

class FailureBudget {
 public:
  static constexpr std::size_t kDefaultClients = 4096;

  struct Counters {
    std::uint64_t failures = 0;
    std::uint64_t refused = 0;  // checks that were not made
    std::uint64_t crowded = 0;  // failures that were charged to the shared budget
  };

  /// `per_second` is also what may come at once.
  FailureBudget(const HashSeed& seed, std::uint32_t per_second, std::size_t clients = kDefaultClients);

  void set_rate(std::uint32_t per_second) noexcept { per_second_ = per_second; }

  /// Before a signature is checked. False: 429 with Retry-After: 1.
  bool may_check(const http::Address& client, std::int64_t now_ms) noexcept;
  /// After it was bad.
  void failed(const http::Address& client, std::int64_t now_ms) noexcept;

  /// For what comes out later: counts as bad until that is given back. So a client cannot have many on their way.
  void charge(const http::Address& client, std::int64_t now_ms) noexcept;
  void refund(const http::Address& client, std::int64_t now_ms) noexcept;

  const Counters& counters() const noexcept { return counters_; }

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr std::uint32_t kSharedFactor = 8;

  struct Bucket {
    std::uint64_t client = 0;  // a keyed hash; 0: free
    std::int64_t spent = 0;    // thousandths of a check that are not given back yet
    std::int64_t at_ms = 0;
  };

  std::uint64_t hash_of(const http::Address& client) const noexcept;
  Bucket* find(std::uint64_t client) noexcept;
  Bucket& find_or_take(std::uint64_t client, std::int64_t now_ms) noexcept;
  std::int64_t spent_now(const Bucket& bucket, std::int64_t per_second, std::int64_t now_ms) const noexcept;

  const HashSeed seed_;
  std::uint32_t per_second_;
  std::vector<Bucket> buckets_;  // sets of kWays
  Bucket shared_;
  Counters counters_;
};

}  // namespace postern::identity
