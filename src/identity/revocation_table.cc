#include "identity/revocation_table.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

namespace postern::identity {
namespace {

constexpr std::size_t kMostCuts = 64;
constexpr std::uint64_t kEverybody = 0;

constexpr bool is_free(const KeyedHash& key) noexcept { return key.low == 0 && key.high == 0; }

/// A credential that does not say when it was issued is as old as it has to be.
constexpr bool concerns(std::int64_t not_before, std::int64_t issued_at) noexcept {
  return issued_at == 0 || issued_at <= not_before;
}

}  // namespace

RevocationTable::RevocationTable(const HashSeed& seed, std::size_t most)
    : seed_(seed), most_(std::max<std::size_t>(most, 1)) {}

std::uint64_t RevocationTable::issuer_of(std::string_view name) const noexcept {
  return seed_.hash(name, 1).low | 1;  // never kEverybody
}

KeyedHash RevocationTable::key_of(std::uint64_t issuer, RevokedKind kind, std::string_view value) const noexcept {
  KeyedHash key = seed_.hash(value, issuer + 2 * static_cast<std::uint64_t>(kind));
  key.high |= 1;  // never free
  return key;
}

RevocationTable::Entry* RevocationTable::find(const KeyedHash& key) noexcept {
  if (slots_.empty()) return nullptr;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = key.low & mask;; at = (at + 1) & mask) {
    Entry& entry = slots_[at];
    if (is_free(entry.key)) return nullptr;
    if (entry.key == key) return &entry;
  }
}

void RevocationTable::put(const Entry& entry) noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = entry.key.low & mask;
  while (!is_free(slots_[at].key)) at = (at + 1) & mask;
  slots_[at] = entry;
  ++size_;
}

void RevocationTable::apply(const RevocationBatch& batch, std::int64_t now) {
  if (!batch) return;
  for (const Revocation& revocation : *batch) apply(revocation, now);
}

void RevocationTable::apply(const Revocation& revocation, std::int64_t now) {
  if (revocation.until <= now || revocation.issuer.empty()) return;
  ++counters_.applied;
  ++epoch_;
  const std::uint64_t issuer = issuer_of(revocation.issuer);
  if (revocation.kind == RevokedKind::all) return cut(issuer, revocation.not_before, revocation.until);
  const KeyedHash key = key_of(issuer, revocation.kind, revocation.value);
  if (Entry* known = find(key)) {
    known->not_before = std::max(known->not_before, revocation.not_before);
    known->until = std::max(known->until, revocation.until);
    return;
  }
  if (slots_.empty()) slots_.resize(std::bit_ceil(most_ * 2));
  if (size_ >= most_) make_room(now);
  put(Entry{key, issuer, revocation.not_before, revocation.until});
}

// Rebuilt, not emptied one by one: open addressing has no holes.
void RevocationTable::make_room(std::int64_t now) {
  const auto rebuild = [this](auto&& stays) {
    std::vector<Entry> old(slots_.size());
    old.swap(slots_);
    size_ = 0;
    for (const Entry& entry : old) {
      if (!is_free(entry.key) && stays(entry)) put(entry);
    }
  };
  rebuild([now](const Entry& entry) { return entry.until > now; });
  // Something has to become free for good, or every further revocation would come here.
  if (size_ <= most_ - most_ / 8 && size_ < most_) return;
  const std::uint64_t largest = cut_largest(now);
  rebuild([largest](const Entry& entry) { return entry.issuer != largest; });
}

std::uint64_t RevocationTable::cut_largest(std::int64_t now) {
  struct Share {
    std::size_t entries = 0;
    std::int64_t not_before = 0;
    std::int64_t until = 0;
  };
  std::unordered_map<std::uint64_t, Share> shares;
  for (const Entry& entry : slots_) {
    if (is_free(entry.key)) continue;
    Share& share = shares[entry.issuer];
    ++share.entries;
    share.not_before = std::max(share.not_before, entry.not_before);
    share.until = std::max(share.until, entry.until);
  }
  const auto largest = std::ranges::max_element(shares, {}, [](const auto& share) { return share.second.entries; });
  ++counters_.overflows;
  // Revoked tokens may have any age, so all until now.
  cut(largest->first, std::max(largest->second.not_before, now), largest->second.until);
  return largest->first;
}

void RevocationTable::cut(std::uint64_t issuer, std::int64_t not_before, std::int64_t until) {
  const auto known = std::ranges::find(cuts_, issuer, &Cut::issuer);
  if (known != cuts_.end()) {
    known->not_before = std::max(known->not_before, not_before);
    known->until = std::max(known->until, until);
    return;
  }
  if (cuts_.size() < kMostCuts) {
    cuts_.push_back(Cut{issuer, not_before, until});
    return;
  }
  // More issuers cut than anybody configures: all of them are.
  Cut everybody{kEverybody, not_before, until};
  for (const Cut& cut : cuts_) {
    everybody.not_before = std::max(everybody.not_before, cut.not_before);
    everybody.until = std::max(everybody.until, cut.until);
  }
  cuts_.assign(1, everybody);
}

bool RevocationTable::is_cut(std::uint64_t issuer, std::int64_t issued_at, std::int64_t now) const noexcept {
  return std::ranges::any_of(cuts_, [&](const Cut& cut) {
    return (cut.issuer == issuer || cut.issuer == kEverybody) && cut.until > now && concerns(cut.not_before, issued_at);
  });
}

bool RevocationTable::holds(std::uint64_t issuer, RevokedKind kind, std::string_view value, const Principal& who,
                            std::int64_t now) noexcept {
  if (value.empty()) return false;
  const Entry* entry = find(key_of(issuer, kind, value));
  return entry != nullptr && entry->until > now &&
         (kind == RevokedKind::token || concerns(entry->not_before, who.issued_at));
}

bool RevocationTable::is_revoked(const Principal& who, std::int64_t now) noexcept {
  if (size_ == 0 && cuts_.empty()) return false;
  const std::uint64_t issuer = issuer_of(who.issuer_name);
  const bool revoked = is_cut(issuer, who.issued_at, now) ||
                       holds(issuer, RevokedKind::token, who.credential_id, who, now) ||
                       holds(issuer, RevokedKind::session, who.session_id, who, now) ||
                       holds(issuer, RevokedKind::subject, who.subject, who, now) ||
                       holds(issuer, RevokedKind::client, who.client_id, who, now);
  if (revoked) ++counters_.refused;
  return revoked;
}

}  // namespace postern::identity
