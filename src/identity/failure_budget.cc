#include "identity/failure_budget.h"

#include <algorithm>
#include <bit>

namespace postern::identity {
namespace {

constexpr std::int64_t kWhole = 1000;  // what a check costs: a bucket gives back `per_second` of them in a second

}  // namespace

FailureBudget::FailureBudget(const HashSeed& seed, std::uint32_t per_second, std::size_t clients)
    : seed_(seed), per_second_(per_second), buckets_(std::bit_ceil(std::max(clients, kWays))) {}

std::uint64_t FailureBudget::hash_of(const http::Address& client) const noexcept {
  const http::Address address = http::unmapped(client);
  const std::size_t counts = address.size == 16 ? 8 : address.size;  // an IPv6 client has a whole /64
  const std::string_view bytes(reinterpret_cast<const char*>(address.bytes.data()), counts);
  return seed_.hash(bytes, address.size).low | 1;
}

std::int64_t FailureBudget::spent_now(const Bucket& bucket, std::int64_t per_second,
                                      std::int64_t now_ms) const noexcept {
  const std::int64_t passed = std::clamp<std::int64_t>(now_ms - bucket.at_ms, 0, kWhole);  // a second gives back all
  return std::max<std::int64_t>(0, bucket.spent - passed * per_second);
}

FailureBudget::Bucket* FailureBudget::find(std::uint64_t client) noexcept {
  const std::size_t set = (client >> 1) % (buckets_.size() / kWays) * kWays;
  for (std::size_t i = set; i < set + kWays; ++i) {
    if (buckets_[i].client == client) return &buckets_[i];
  }
  return nullptr;
}

// Only a bucket that is whole again may be given away: else its owner would start anew by crowding himself out.
FailureBudget::Bucket& FailureBudget::find_or_take(std::uint64_t client, std::int64_t now_ms) noexcept {
  if (Bucket* known = find(client)) return *known;
  const std::size_t set = (client >> 1) % (buckets_.size() / kWays) * kWays;
  for (std::size_t i = set; i < set + kWays; ++i) {
    Bucket& bucket = buckets_[i];
    if (bucket.client != 0 && spent_now(bucket, per_second_, now_ms) > 0) continue;
    bucket = Bucket{client, 0, now_ms};
    return bucket;
  }
  return shared_;
}

bool FailureBudget::may_check(const http::Address& client, std::int64_t now_ms) noexcept {
  const Bucket& bucket = find_or_take(hash_of(client), now_ms);
  const std::int64_t rate = std::int64_t{per_second_} * (&bucket == &shared_ ? kSharedFactor : 1);
  const bool room = spent_now(bucket, rate, now_ms) + kWhole <= rate * kWhole;
  if (!room) ++counters_.refused;
  return room;
}

void FailureBudget::failed(const http::Address& client, std::int64_t now_ms) noexcept {
  ++counters_.failures;
  charge(client, now_ms);
}

void FailureBudget::charge(const http::Address& client, std::int64_t now_ms) noexcept {
  Bucket& bucket = find_or_take(hash_of(client), now_ms);
  const bool shared = &bucket == &shared_;
  const std::int64_t rate = std::int64_t{per_second_} * (shared ? kSharedFactor : 1);
  if (shared) ++counters_.crowded;
  bucket.spent = spent_now(bucket, rate, now_ms) + kWhole;
  bucket.at_ms = now_ms;
}

void FailureBudget::refund(const http::Address& client, std::int64_t now_ms) noexcept {
  Bucket* const known = find(hash_of(client));
  Bucket& bucket = known ? *known : shared_;
  const std::int64_t rate = std::int64_t{per_second_} * (&bucket == &shared_ ? kSharedFactor : 1);
  bucket.spent = std::max<std::int64_t>(0, spent_now(bucket, rate, now_ms) - kWhole);
  bucket.at_ms = now_ms;
}

}  // namespace postern::identity
