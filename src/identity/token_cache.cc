#include "identity/token_cache.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace postern::identity {
namespace {

constexpr std::uint8_t kMostUses = 3;
constexpr std::size_t kLargestShare = 8;  // one entry may take no more than one in so many bytes
constexpr std::int64_t kClockSlack = 60;  // a clock that goes back further makes entries too young to believe

std::size_t size_of(const std::string& text) noexcept { return text.size() > 15 ? text.size() + 1 : 0; }

std::size_t size_of(const std::vector<std::string>& texts) noexcept {
  std::size_t sum = texts.size() * sizeof(std::string);
  for (const std::string& text : texts) sum += size_of(text);
  return sum;
}

// What a principal takes beyond the entry: its memory, without what the allocator adds.
std::size_t size_of(const Principal& who) noexcept {
  std::size_t sum = sizeof(Principal) + who.claims.size() * sizeof(Claim);
  for (const Claim& claim : who.claims) sum += size_of(claim.path) + size_of(claim.value);
  for (const auto* texts : {&who.groups, &who.roles, &who.scopes, &who.audiences, &who.amr}) sum += size_of(*texts);
  for (const auto* text :
       {&who.subject, &who.issuer, &who.issuer_name, &who.client_id, &who.email, &who.name, &who.preferred_username,
        &who.session_id, &who.acr, &who.credential_id, &who.bound_certificate, &who.bound_key})
    sum += size_of(*text);
  return sum;
}

std::int64_t add_clamped(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

}  // namespace

TokenCache::TokenCache(const HashSeed& seed, const Limits& limits)
    : seed_(seed), limits_{std::clamp<std::size_t>(limits.entries, 16, kNone / 4), limits.bytes, limits.ttl} {}

void TokenCache::start() {
  index_.resize(std::bit_ceil(limits_.entries * 2));
  ghosts_.resize(std::bit_ceil(limits_.entries));
  entries_.reserve(limits_.entries);
  free_.reserve(limits_.entries);
}

TokenCache::Place TokenCache::take_place() {
  if (free_.empty()) {
    entries_.emplace_back();
    return static_cast<Place>(entries_.size() - 1);
  }
  const Place place = free_.back();
  free_.pop_back();
  return place;
}

PrincipalPin TokenCache::find(std::string_view token, const KeyedHash& hash, const Present& present) noexcept {
  const Place place = look_up(token, hash);
  if (place == kNone) {
    ++counters_.misses;
    return {};
  }
  Entry& entry = entries_[place];
  const Verdict verdict = judge(entry, present);
  if (verdict == Verdict::good) {
    if (entry.uses < kMostUses) ++entry.uses;
    ++counters_.hits;
    return entry.who;
  }
  count_refusal(verdict);
  // A request that is pinned to an old config must not take away what the new one has verified.
  if (verdict != Verdict::other_generation || entry.generation < present.generation) remove(place);
  return {};
}

void TokenCache::insert(std::string_view token, const KeyedHash& hash, const PrincipalPin& who, const TokenFacts& facts,
                        const Present& present) {
  if (const Place known = look_up(token, hash); known != kNone) {
    if (entries_[known].generation > present.generation) return;
    remove(known);
  }
  const std::size_t bytes = sizeof(Entry) + token.size() + size_of(*who);
  if (bytes > limits_.bytes / kLargestShare) {
    ++counters_.too_large;
    return;
  }
  crypto::SecretText copy(token);
  if (index_.empty()) start();
  make_room(bytes);
  const Place place = take_place();
  Entry& entry = entries_[place];
  entry.hash = hash;
  entry.token = std::move(copy);
  entry.bytes = static_cast<std::uint32_t>(bytes);
  entry.uses = 0;
  fill(entry, who, facts, present);
  push(was_here(hash) ? main_ : small_, place);
  index_add(place);
  ++counters_.inserted;
}

void TokenCache::fill(Entry& entry, const PrincipalPin& who, const TokenFacts& facts,
                      const Present& present) const noexcept {
  entry.who = who;
  entry.good_from = std::max(facts.good_from, add_clamped(present.now, -kClockSlack));
  entry.good_until = add_clamped(present.now, limits_.ttl);
  if (facts.good_until != 0) entry.good_until = std::min(entry.good_until, facts.good_until);
  entry.generation = present.generation;
  entry.issuer = facts.issuer;
  entry.key = facts.key;
  // Asked at the first hit: who verified may have waited meanwhile, and not seen what has changed.
  entry.key_epoch = 0;
  entry.revocation_epoch = 0;
}

TokenCache::Verdict TokenCache::judge(Entry& entry, const Present& present) noexcept {
  if (entry.generation != present.generation) return Verdict::other_generation;
  if (present.now >= entry.good_until || present.now < entry.good_from) return Verdict::expired;
  if (entry.key_epoch != present.keys.epoch()) {
    if (!present.keys.contains(entry.issuer, entry.key)) return Verdict::key_gone;
    entry.key_epoch = present.keys.epoch();
  }
  if (entry.revocation_epoch != present.revoked.epoch()) {
    if (present.revoked.is_revoked(*entry.who, present.now)) return Verdict::revoked;
    entry.revocation_epoch = present.revoked.epoch();
  }
  return Verdict::good;
}

void TokenCache::count_refusal(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::good:
      break;
    case Verdict::other_generation:
      ++counters_.misses;
      break;
    case Verdict::expired:
      ++counters_.expired;
      break;
    case Verdict::key_gone:
      ++counters_.key_gone;
      break;
    case Verdict::revoked:
      ++counters_.revoked;
      break;
  }
}

void TokenCache::erase(std::string_view token, const KeyedHash& hash) noexcept {
  if (const Place place = look_up(token, hash); place != kNone) remove(place);
}

void TokenCache::clear() noexcept {
  while (small_.oldest != kNone) remove(small_.oldest);
  while (main_.oldest != kNone) remove(main_.oldest);
}

TokenCache::Place TokenCache::look_up(std::string_view token, const KeyedHash& hash) const noexcept {
  if (index_.empty()) return kNone;
  const std::uint32_t tag = tag_of(hash);
  for (std::size_t at = home_of(hash);; at = next(at)) {
    const Slot& slot = index_[at];
    if (slot.place == kNone) return kNone;
    if (slot.tag != tag) continue;
    const Entry& entry = entries_[slot.place];
    // The hash only tells where to look: what counts is every byte of the token.
    if (entry.hash == hash && entry.token.reveal() == token) return slot.place;
  }
}

void TokenCache::index_add(Place place) noexcept {
  const KeyedHash& hash = entries_[place].hash;
  std::size_t at = home_of(hash);
  while (index_[at].place != kNone) at = next(at);
  index_[at] = Slot{place, tag_of(hash)};
}

// The rest of the cluster moves up: no tombstones, so a flood leaves no long chains behind.
void TokenCache::index_remove(Place place) noexcept {
  std::size_t hole = home_of(entries_[place].hash);
  while (index_[hole].place != place) hole = next(hole);
  const std::size_t mask = index_.size() - 1;
  for (std::size_t at = next(hole); index_[at].place != kNone; at = next(at)) {
    const std::size_t home = home_of(entries_[index_[at].place].hash);
    if (((at - home) & mask) < ((at - hole) & mask)) continue;  // it would stand before its home
    index_[hole] = index_[at];
    hole = at;
  }
  index_[hole] = Slot{};
}

void TokenCache::remove(Place place) noexcept {
  index_remove(place);
  unlink(place);
  Entry& entry = entries_[place];
  entry.token = crypto::SecretText();  // wipes
  entry.who = PrincipalPin();
  free_.push_back(place);
}

}  // namespace postern::identity
