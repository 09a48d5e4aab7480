// See shared_limit.h.
#include "limit/shared_limit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <list>
#include <mutex>
#include <unordered_map>

namespace postern::limit {
namespace {

constexpr std::size_t kShards = 16;
constexpr std::size_t kLooks = 16;  // at how many old buckets a new one looks for a place
constexpr Nanoseconds kSlotWait = 1'000'000'000;

std::uint8_t parts_of(const std::vector<std::string>& per) {
  constexpr std::array<std::pair<std::string_view, Part>, 7> kNames{{{"subject", kSubject},
                                                                     {"group", kGroup},
                                                                     {"api_key", kApiKey},
                                                                     {"client", kClient},
                                                                     {"route", kRoute},
                                                                     {"model", kModel},
                                                                     {"issuer", kIssuer}}};
  std::uint8_t parts = 0;
  for (const std::string& name : per) {
    for (const auto& [text, part] : kNames) {
      if (name == text) parts |= part;
    }
  }
  return parts;
}

double per_ns(std::uint64_t amount, std::chrono::milliseconds interval) {
  return static_cast<double>(amount) / (static_cast<double>(std::max<std::int64_t>(interval.count(), 1)) * 1e6);
}

struct KeyHasher {
  std::size_t operator()(const KeyedHash& key) const noexcept { return key.low; }
};

}  // namespace

/// What is left for one key. What cores have leased stays counted until they say what became of it.
struct SharedLimit::Bucket {
  double requests = 0;  // nobody has leased them
  double body = 0;      // the same; below zero: more was spent than there was
  std::int64_t leased_body = 0;
  Nanoseconds at = 0;  // as of when
  std::uint32_t leased_requests = 0;
  std::uint32_t slots = 0;  // leased
  KeyedHash key;
  bool is_heavy = false;  // which of the lists it is in
};

// Two lists by age: those of which little has been spent, which may go when room is wanted, and the others, which may
// not before they are full again. So nobody gets a spent bucket back by asking for many others.
struct SharedLimit::Shard {
  using List = std::list<Bucket>;

  mutable std::mutex mutex;
  List light, heavy;  // those seen last in front
  std::unordered_map<KeyedHash, List::iterator, KeyHasher> buckets;
  std::size_t most = 0;
  Bucket crowd;  // of all that found no place
  std::uint64_t crowded = 0;
  std::uint64_t leases = 0;

  List& list_of(const Bucket& bucket) noexcept { return bucket.is_heavy ? heavy : light; }
};

SharedLimit::SharedLimit(const config::Limit& settings, std::uint32_t slot, std::size_t cores, const HashSeed& seed)
    : settings_(settings),
      slot_(slot),
      parts_(parts_of(settings.per)),
      burst_(settings.burst != 0 ? settings.burst : settings.requests),
      requests_per_ns_(per_ns(settings.requests, settings.interval)),
      body_per_ns_(per_ns(settings.body_bytes, settings.interval)),
      share_(0.5 / static_cast<double>(std::max<std::size_t>(cores, 1))),
      seed_(seed),
      shards_(std::make_unique<Shard[]>(kShards)) {
  for (std::size_t i = 0; i < kShards; ++i) {
    shards_[i].most = std::max<std::size_t>(settings.max_keys / kShards, 1);
    shards_[i].crowd.requests = static_cast<double>(burst_);
    shards_[i].crowd.body = static_cast<double>(settings.body_bytes);
  }
}

SharedLimit::~SharedLimit() = default;

SharedLimit::Shard& SharedLimit::shard_of(const KeyedHash& key) noexcept { return shards_[key.high % kShards]; }

void SharedLimit::refill(Bucket& bucket, Nanoseconds now) const noexcept {
  if (now <= bucket.at) return;  // a core whose request began a little earlier
  const auto passed = static_cast<double>(now - bucket.at);
  bucket.at = now;
  const auto fill = [passed](double& left, double per_nanosecond, double room) {
    left += std::clamp(passed * per_nanosecond, 0.0, std::max(room - left, 0.0));
  };
  fill(bucket.requests, requests_per_ns_, static_cast<double>(burst_) - bucket.leased_requests);
  fill(bucket.body, body_per_ns_, static_cast<double>(settings_.body_bytes) - static_cast<double>(bucket.leased_body));
}

void SharedLimit::settle(Bucket& bucket, const Ask& spent) noexcept {
  bucket.leased_requests -= std::min(bucket.leased_requests, spent.spent_requests);
  bucket.leased_body -= std::min(bucket.leased_body, spent.spent_body);
}

bool SharedLimit::is_full(const Bucket& bucket) const noexcept {
  return bucket.slots == 0 && bucket.leased_requests == 0 && bucket.leased_body == 0 &&
         bucket.requests >= static_cast<double>(burst_) - 1e-6 &&
         bucket.body >= static_cast<double>(settings_.body_bytes) - 1e-6;
}

bool SharedLimit::is_heavy(const Bucket& bucket) const noexcept {
  return bucket.slots != 0 || bucket.requests < 0.5 * static_cast<double>(burst_) ||
         bucket.body < 0.5 * static_cast<double>(settings_.body_bytes);
}

// The oldest of which little is missing, or one that has had time to become full again. nullptr: there is none.
bool SharedLimit::make_room(Shard& shard, Nanoseconds now) noexcept {
  for (Shard::List* const list : {&shard.light, &shard.heavy}) {
    std::size_t looks = kLooks;
    for (auto at = list->rbegin(); at != list->rend() && looks != 0; ++at, --looks) {
      refill(*at, now);
      const bool is_leased = at->slots != 0 || at->leased_requests != 0 || at->leased_body != 0;
      if (is_leased || (list == &shard.heavy && !is_full(*at))) continue;
      shard.buckets.erase(at->key);
      list->erase(std::next(at).base());
      return true;
    }
  }
  return false;
}

SharedLimit::Bucket& SharedLimit::find_or_add(Shard& shard, const KeyedHash& key, bool is_crowd,
                                              Nanoseconds now) noexcept {
  if (is_crowd) {
    refill(shard.crowd, now);
    return shard.crowd;
  }
  const auto found = shard.buckets.find(key);
  if (found != shard.buckets.end()) {
    Bucket& bucket = *found->second;
    refill(bucket, now);
    return bucket;
  }
  if (shard.buckets.size() < shard.most || make_room(shard, now)) {
    try {
      Bucket bucket;
      bucket.requests = static_cast<double>(burst_);
      bucket.body = static_cast<double>(settings_.body_bytes);
      bucket.at = now;
      bucket.key = key;
      shard.light.push_front(bucket);
      shard.buckets.emplace(key, shard.light.begin());
      return shard.light.front();
    } catch (const std::bad_alloc&) {
      if (!shard.light.empty() && shard.light.front().key == key) shard.light.pop_front();
    }
  }
  ++shard.crowded;
  refill(shard.crowd, now);
  return shard.crowd;
}

void SharedLimit::touch(Shard& shard, Bucket& bucket) noexcept {
  if (&bucket == &shard.crowd) return;
  const auto at = shard.buckets.find(bucket.key)->second;
  Shard::List& from = shard.list_of(bucket);
  bucket.is_heavy = is_heavy(bucket);
  Shard::List& to = shard.list_of(bucket);
  to.splice(to.begin(), from, at);
}

// A part of what is there: the fewer are left, the smaller the part, down to one.
std::uint32_t SharedLimit::slice(double available, std::uint32_t wanted) const noexcept {
  const double part = std::max(std::floor(available * share_), 1.0);
  return static_cast<std::uint32_t>(std::min({part, std::floor(available), static_cast<double>(wanted)}));
}

bool SharedLimit::refuse(const Bucket& bucket, const Ask& ask, Grant& grant) const noexcept {
  const auto refused = [&grant](Budget budget, Nanoseconds wait) {
    grant.is_refused = true;
    grant.refused = budget;
    grant.wait = std::max<Nanoseconds>(wait, 1);
    return true;
  };
  if (ask.wants_requests != 0 && bucket.requests < 1) {
    return refused(Budget::requests, static_cast<Nanoseconds>(std::ceil((1 - bucket.requests) / requests_per_ns_)));
  }
  if (ask.needs_body >= 0 && bucket.body <= 0) {
    return refused(Budget::body, static_cast<Nanoseconds>(std::ceil((1 - bucket.body) / body_per_ns_)));
  }
  if (ask.wants_slots != 0 && bucket.slots >= settings_.concurrent) return refused(Budget::concurrent, kSlotWait);
  return false;
}

Grant SharedLimit::lease(const KeyedHash& key, const Ask& ask, Nanoseconds now) noexcept {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  Bucket& bucket = find_or_add(shard, key, ask.is_crowd, now);
  settle(bucket, ask);
  ++shard.leases;
  Grant grant;
  grant.is_crowd = &bucket == &shard.crowd;
  if (refuse(bucket, ask, grant)) {
    touch(shard, bucket);
    return grant;
  }
  if (ask.wants_requests != 0) {
    grant.requests = grant.is_crowd ? 1 : slice(bucket.requests, ask.wants_requests);
    bucket.requests -= grant.requests;
    // Of the crowd's bucket nobody gives anything back: whose it was would not be known any more.
    if (!grant.is_crowd) bucket.leased_requests += grant.requests;
  }
  if (ask.wants_slots != 0) {
    const std::uint32_t free = settings_.concurrent - bucket.slots;
    grant.slots = grant.is_crowd ? 1 : slice(free, ask.wants_slots);
    bucket.slots += grant.slots;
    grant.is_scarce = grant.is_crowd || free - grant.slots <= settings_.concurrent / 4;
  }
  if (ask.needs_body >= 0) {
    const auto left = bucket.body - static_cast<double>(ask.needs_body);
    const double part = grant.is_crowd ? 0 : std::floor(std::max(left * share_, 0.0));
    grant.body = ask.needs_body + std::min(static_cast<std::int64_t>(part), ask.wants_body);
    bucket.body -= static_cast<double>(grant.body);
    if (!grant.is_crowd) bucket.leased_body += grant.body;
  }
  grant.left = bucket.requests > 0 ? static_cast<std::uint64_t>(bucket.requests) : 0;
  touch(shard, bucket);
  return grant;
}

void SharedLimit::give_back(const KeyedHash& key, const Ask& spent, std::uint32_t requests, std::uint32_t slots,
                            std::int64_t body, Nanoseconds now) noexcept {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  Bucket& bucket = find_or_add(shard, key, spent.is_crowd, now);  // refilled before what was spent makes room
  settle(bucket, spent);
  requests = std::min(requests, bucket.leased_requests);
  bucket.leased_requests -= requests;
  bucket.requests += requests;
  bucket.slots -= std::min(slots, bucket.slots);
  const std::int64_t returned = std::min(body, bucket.leased_body);  // below zero: spent beyond all leases
  if (returned > 0) bucket.leased_body -= returned;
  bucket.body += static_cast<double>(returned);
  touch(shard, bucket);
}

std::uint32_t SharedLimit::seconds_for(double requests) const noexcept {
  if (requests <= 0 || requests_per_ns_ <= 0) return 0;
  return static_cast<std::uint32_t>(std::min(std::ceil(requests / requests_per_ns_ / 1e9), 4e9));
}

template <class Count>
std::uint64_t SharedLimit::sum(Count count) const noexcept {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    all += count(shards_[i]);
  }
  return all;
}

std::uint64_t SharedLimit::keys() const noexcept {
  return sum([](const Shard& shard) noexcept { return shard.buckets.size(); });
}

std::uint64_t SharedLimit::crowded() const noexcept {
  return sum([](const Shard& shard) noexcept { return shard.crowded; });
}

std::uint64_t SharedLimit::leases() const noexcept {
  return sum([](const Shard& shard) noexcept { return shard.leases; });
}

}  // namespace postern::limit
