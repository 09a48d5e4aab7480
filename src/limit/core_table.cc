// See core_table.h.
#include "limit/core_table.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <new>
#include <utility>

namespace postern::limit {
namespace {

constexpr std::uint32_t kMostEntries = 8192;
constexpr std::uint32_t kLooks = 64;  // at how many entries the clock looks before it takes any
constexpr std::uint32_t kLargestSlice = 1 << 16;
constexpr std::int64_t kBodySlice = 64 << 10;  // times the slice
constexpr Nanoseconds kAskAgain = 100'000'000;

}  // namespace

CoreTable::CoreTable(std::shared_ptr<SharedLimit> limit)
    : limit_(std::move(limit)),
      counts_requests_(limit_->settings().requests != 0),
      counts_slots_(limit_->settings().concurrent != 0),
      counts_body_(limit_->settings().body_bytes != 0),
      capacity_(std::clamp<std::uint32_t>(limit_->settings().max_keys, 16, kMostEntries)),
      mask_(std::bit_ceil(capacity_) - 1),
      heads_(mask_ + 1, kNone) {
  entries_.reserve(capacity_);  // memory only where entries have been
  marked_.reserve(capacity_);
}

CoreTable::~CoreTable() {
  for (Entry& entry : entries_) {
    if (entry.is_used) give_back(entry, now_);
  }
}

bool CoreTable::Needs::has(Budget budget) const noexcept {
  return budget == Budget::requests ? request : budget == Budget::body ? body : slot;
}

CoreTable::Outcome CoreTable::take(const KeyedHash& key, bool has_body, std::uint64_t body, Nanoseconds now) noexcept {
  now_ = std::max(now_, now);
  Outcome outcome;
  outcome.wait = kAskAgain;
  const std::uint32_t index = find_or_add(key, now);
  if (index == kNone) return outcome;
  Entry& entry = entries_[index];
  entry.is_recent = true;
  const bool counts_body = counts_body_ && has_body;
  const auto bytes = static_cast<std::int64_t>(std::min<std::uint64_t>(body, std::uint64_t{1} << 62));
  Needs needs;
  needs.request = counts_requests_ && entry.requests == 0;
  needs.slot = counts_slots_ && entry.pins >= entry.slots;
  needs.body = counts_body && entry.body < std::max<std::int64_t>(bytes, 1);
  if (needs.any()) {
    const bool is_in_vain = now < entry.ask_at && needs.has(entry.refused);
    if (is_in_vain || !lease(entry, needs, body, now)) {
      mark(index);
      outcome.refused = entry.refused;
      outcome.wait = entry.refused_until - now;
      return outcome;
    }
  }
  mark(index);
  if (counts_requests_) {
    --entry.requests;
    ++entry.spent_requests;
  }
  if (counts_body) {
    entry.body -= bytes;
    entry.spent_body += bytes;
  }
  ++entry.pins;
  ++pins_;
  outcome.entry = index;
  outcome.left = std::uint64_t{entry.requests} + entry.left;
  return outcome;
}

bool CoreTable::lease(Entry& entry, const Needs& needs, std::uint64_t body, Nanoseconds now) noexcept {
  Ask ask;
  ask.spent_requests = std::exchange(entry.spent_requests, 0);
  ask.spent_body = std::exchange(entry.spent_body, 0);
  ask.is_crowd = entry.is_crowd && entry.slots != 0;
  if (needs.request) ask.wants_requests = entry.next_slice;
  if (needs.slot) ask.wants_slots = entry.next_slice;
  if (needs.body) {
    const auto bytes = static_cast<std::int64_t>(std::min<std::uint64_t>(body, std::uint64_t{1} << 62));
    ask.needs_body = std::max<std::int64_t>(bytes - entry.body, 0);
    ask.wants_body = std::int64_t{entry.next_slice} * kBodySlice - kBodySlice;
  }
  const Grant grant = limit_->lease(entry.key, ask, now);
  if (grant.is_refused) {
    entry.refused = grant.refused;
    entry.refused_until = now + grant.wait;
    entry.ask_at = now + std::min(grant.wait, kAskAgain);
    return false;
  }
  entry.is_crowd = grant.is_crowd;
  entry.is_scarce = needs.slot ? grant.is_scarce : entry.is_scarce;
  entry.requests += grant.requests;
  entry.slots += grant.slots;
  entry.body += grant.body;
  entry.left =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(grant.left, std::numeric_limits<std::uint32_t>::max()));
  entry.next_slice = std::min(2 * entry.next_slice, kLargestSlice);
  return true;
}

void CoreTable::charge_body(std::uint32_t index, std::uint64_t bytes, Nanoseconds now) noexcept {
  if (!counts_body_) return;
  now_ = std::max(now_, now);
  Entry& entry = entries_[index];
  const auto amount = static_cast<std::int64_t>(std::min<std::uint64_t>(bytes, std::uint64_t{1} << 62));
  const std::int64_t here = std::clamp<std::int64_t>(amount, 0, std::max<std::int64_t>(entry.body, 0));
  entry.body -= here;
  entry.spent_body += here;
  mark(index);
  if (here == amount) return;
  Ask spent;
  spent.spent_requests = std::exchange(entry.spent_requests, 0);
  spent.spent_body = std::exchange(entry.spent_body, 0);
  spent.is_crowd = entry.is_crowd && entry.slots != 0;
  limit_->give_back(entry.key, spent, 0, 0, here - amount, now);
}

void CoreTable::release(std::uint32_t index) noexcept {
  Entry& entry = entries_[index];
  --entry.pins;
  --pins_;
  if (!counts_slots_ || !entry.is_scarce) return;
  Ask spent;
  spent.is_crowd = entry.is_crowd;
  --entry.slots;
  limit_->give_back(entry.key, spent, 0, 1, 0, now_);
}

void CoreTable::undo(std::uint32_t index, bool has_body, std::uint64_t body) noexcept {
  Entry& entry = entries_[index];
  if (counts_requests_) {
    ++entry.requests;
    --entry.spent_requests;
  }
  if (counts_body_ && has_body) {
    entry.body += static_cast<std::int64_t>(body);
    entry.spent_body -= static_cast<std::int64_t>(body);
  }
  release(index);
}

void CoreTable::mark(std::uint32_t index) noexcept {
  Entry& entry = entries_[index];
  if (entry.is_marked || marked_.size() == marked_.capacity()) return;
  entry.is_marked = true;
  marked_.push_back(index);
}

void CoreTable::tick(Nanoseconds now) noexcept {
  now_ = std::max(now_, now);
  std::size_t kept = 0;
  for (const std::uint32_t index : marked_) {
    Entry& entry = entries_[index];
    if (entry.is_used && std::exchange(entry.is_recent, false)) {
      marked_[kept++] = index;
      continue;
    }
    entry.is_marked = false;
    if (entry.is_used) give_back(entry, now);
  }
  marked_.resize(kept);
}

void CoreTable::give_back(Entry& entry, Nanoseconds now) noexcept {
  const std::uint32_t slots = entry.slots - std::min(entry.slots, entry.pins);
  entry.next_slice = 1;
  if (entry.requests == 0 && entry.spent_requests == 0 && slots == 0 && entry.body == 0 && entry.spent_body == 0)
    return;
  Ask spent;
  spent.spent_requests = std::exchange(entry.spent_requests, 0);
  spent.spent_body = std::exchange(entry.spent_body, 0);
  spent.is_crowd = entry.is_crowd;
  entry.slots -= slots;
  limit_->give_back(entry.key, spent, std::exchange(entry.requests, 0), slots, std::exchange(entry.body, 0), now);
}

std::uint32_t CoreTable::find_or_add(const KeyedHash& key, Nanoseconds now) noexcept {
  std::uint32_t* const head = &head_of(key);
  for (std::uint32_t at = *head; at != kNone; at = entries_[at].next) {
    if (entries_[at].key == key) return at;
  }
  const std::uint32_t index = make_place(now);
  if (index == kNone) return kNone;
  const bool is_marked = entries_[index].is_marked;
  entries_[index] = Entry{};
  entries_[index].key = key;
  entries_[index].is_used = true;
  entries_[index].is_marked = is_marked;
  entries_[index].next = *head;
  *head = index;
  ++used_;
  return index;
}

std::uint32_t CoreTable::make_place(Nanoseconds now) noexcept {
  if (entries_.size() < capacity_) {
    entries_.emplace_back();
    return static_cast<std::uint32_t>(entries_.size() - 1);
  }
  std::uint32_t chosen = kNone;
  for (std::uint32_t looks = 0; looks < kLooks; ++looks) {
    hand_ = hand_ + 1 < entries_.size() ? hand_ + 1 : 0;
    Entry& entry = entries_[hand_];
    if (entry.pins != 0) continue;
    if (chosen == kNone || !entry.is_recent) chosen = hand_;
    if (!std::exchange(entry.is_recent, false)) break;
  }
  if (chosen != kNone) {
    give_back(entries_[chosen], now);
    remove(chosen);
    return chosen;
  }
  try {  // all that were seen are in use: as many more as there are requests at a time
    entries_.emplace_back();
    marked_.reserve(entries_.size());
    return static_cast<std::uint32_t>(entries_.size() - 1);
  } catch (const std::bad_alloc&) {
    return kNone;
  }
}

void CoreTable::remove(std::uint32_t index) noexcept {
  std::uint32_t* link = &head_of(entries_[index].key);
  while (*link != index) link = &entries_[*link].next;
  *link = entries_[index].next;
  entries_[index].is_used = false;
  --used_;
}

}  // namespace postern::limit
