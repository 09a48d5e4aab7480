// See core_limits.h.
#include "limit/core_limits.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "limit/fields.h"

namespace postern::limit {
namespace {

/// The texts of a key, one behind the other with their lengths, so that no two keys are the same text.
class KeyText {
 public:
  explicit KeyText(const HashSeed& seed) noexcept : seed_(seed) {}

  void add(std::string_view text) noexcept {
    const KeyedHash digest = text.size() > kLongest ? seed_.hash(text) : KeyedHash{};
    if (text.size() > kLongest) text = {reinterpret_cast<const char*>(&digest), sizeof digest};
    const auto size = static_cast<std::uint16_t>(text.size());
    std::memcpy(space_.data() + used_, &size, sizeof size);
    text.copy(space_.data() + used_ + sizeof size, text.size());  // which may be nowhere, and empty
    used_ += sizeof size + text.size();
  }
  [[nodiscard]] KeyedHash hash(std::uint64_t domain) const noexcept {
    return seed_.hash({space_.data(), used_}, domain);
  }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  void back_to(std::size_t used) noexcept { used_ = used; }

 private:
  static constexpr std::size_t kLongest = 200;  // longer ones go in as their hash
  static constexpr std::size_t kMostTexts = 9;

  const HashSeed& seed_;
  std::size_t used_ = 0;
  std::array<char, kMostTexts*(kLongest + 2)> space_;
};

/// Who has a whole network has its addresses: of IPv6 the first 64 bits count.
std::string_view address_text(const http::Address& address, http::Address& space) noexcept {
  space = http::unmapped(address);
  const std::size_t size = space.size == 16 ? 8 : space.size;
  return {reinterpret_cast<const char*>(space.bytes.data()), size};
}

void add_parts(KeyText& key, std::uint8_t parts, const LimitInput& input) noexcept {
  const Principal* const who = input.principal;
  if ((parts & (kSubject | kIssuer)) != 0) key.add(who ? std::string_view(who->issuer) : "");
  if ((parts & kSubject) != 0) key.add(who ? std::string_view(who->subject) : "");
  if ((parts & kApiKey) != 0) {
    const bool is_key = who && who->credential == CredentialKind::api_key;
    key.add(is_key ? std::string_view(who->credential_id) : "");
  }
  http::Address space;
  if ((parts & kClient) != 0) key.add(input.client ? address_text(*input.client, space) : "");
  if ((parts & kRoute) != 0) key.add(input.route);
  if ((parts & kModel) != 0) key.add(input.model);
}

std::uint32_t to_seconds(Nanoseconds wait) noexcept {
  constexpr Nanoseconds kSecond = 1'000'000'000;
  const Nanoseconds seconds = (std::max<Nanoseconds>(wait, 1) + kSecond - 1) / kSecond;
  return static_cast<std::uint32_t>(std::min<Nanoseconds>(seconds, 31ll * 86'400));
}

}  // namespace

void LimitGuard::charge_body(std::uint64_t bytes, Nanoseconds now) noexcept {
  if (!counts_body_) return;
  const std::uint64_t paid = std::min(prepaid_, bytes);
  prepaid_ -= paid;
  bytes -= paid;
  if (bytes == 0) return;
  for (std::size_t i = 0; i < count_; ++i) taken_[i].table->charge_body(taken_[i].entry, bytes, now);
}

void LimitGuard::release() noexcept {
  while (count_ != 0) {
    const Taken& taken = taken_[--count_];
    taken.table->release(taken.entry);
  }
}

std::string_view LimitGuard::write_rate_limit(std::span<char> space) const noexcept {
  if (!nearest_) return {};
  const double missing = static_cast<double>(nearest_->burst()) - static_cast<double>(left_);
  return limit::write_rate_limit(nearest_->name(), left_, nearest_->seconds_for(missing), space);
}

CoreLimits::~CoreLimits() = default;

void CoreLimits::install(const std::shared_ptr<const LimitBook>& book) {
  drop_unused();
  for (const std::shared_ptr<SharedLimit>& limit : book->limits()) {
    if (limit->slot() >= tables_.size()) tables_.resize(limit->slot() + 1);
    std::unique_ptr<CoreTable>& table = tables_[limit->slot()];
    if (!table || &table->limit() != limit.get()) table = std::make_unique<CoreTable>(limit);
    table->belongs_to(book);
  }
}

// A slot is given to another limit only when the one before it is gone, table and all.
void CoreLimits::drop_unused() noexcept {
  for (std::unique_ptr<CoreTable>& table : tables_) {
    if (table && table->is_idle() && !table->is_wanted()) table.reset();
  }
}

bool CoreLimits::take(const LimitSet& set, const LimitInput& input, Nanoseconds now, LimitGuard& guard,
                      Refusal& refusal) noexcept {
  for (SharedLimit* const limit : set.limits) {
    if (take_limit(*limit, input, now, guard, refusal)) continue;
    while (guard.count_ != 0) {
      const LimitGuard::Taken& taken = guard.taken_[--guard.count_];
      taken.table->undo(taken.entry, input.has_body, input.body_bytes);
    }
    return false;
  }
  guard.prepaid_ = guard.counts_body_ ? input.body_bytes : 0;
  return true;
}

bool CoreLimits::take_limit(SharedLimit& limit, const LimitInput& input, Nanoseconds now, LimitGuard& guard,
                            Refusal& refusal) noexcept {
  CoreTable* const table = limit.slot() < tables_.size() ? tables_[limit.slot()].get() : nullptr;
  if (!table || &table->limit() != &limit) {  // install() was forgotten: nobody gets in uncounted
    refusal = Refusal{&limit, Budget::requests, 1};
    return false;
  }
  KeyText key(limit.seed());
  add_parts(key, limit.parts(), input);
  const std::uint64_t domain = (std::uint64_t{limit.slot()} << 8) | limit.parts();
  if ((limit.parts() & kGroup) == 0) return take_bucket(*table, key.hash(domain), input, now, guard, refusal);
  // A bucket per group, and the caller draws from each of his; those without any share one.
  const std::size_t groups = input.principal ? std::min(input.principal->groups.size(), kMaxGroups) : 0;
  const std::size_t before = key.used();
  for (std::size_t i = 0; i < std::max<std::size_t>(groups, 1); ++i) {
    key.back_to(before);
    key.add(groups != 0 ? std::string_view(input.principal->groups[i]) : "");
    if (!take_bucket(*table, key.hash(domain), input, now, guard, refusal)) return false;
  }
  return true;
}

bool CoreLimits::take_bucket(CoreTable& table, const KeyedHash& key, const LimitInput& input, Nanoseconds now,
                             LimitGuard& guard, Refusal& refusal) noexcept {
  if (guard.count_ == kMaxTaken) return true;  // more groups in more limits than anybody reads
  const CoreTable::Outcome outcome = table.take(key, input.has_body, input.body_bytes, now);
  if (outcome.entry == CoreTable::kNone) {
    refusal = Refusal{&table.limit(), outcome.refused, to_seconds(outcome.wait)};
    return false;
  }
  guard.taken_[guard.count_++] = LimitGuard::Taken{&table, outcome.entry};
  const config::Limit& settings = table.limit().settings();
  guard.counts_body_ |= settings.body_bytes != 0 && input.has_body;
  if (settings.requests != 0 && (!guard.nearest_ || outcome.left < guard.left_)) {
    guard.nearest_ = &table.limit();
    guard.left_ = outcome.left;
  }
  return true;
}

void CoreLimits::tick(Nanoseconds now) noexcept {
  for (const std::unique_ptr<CoreTable>& table : tables_) {
    if (table) table->tick(now);
  }
  drop_unused();
}

std::string_view write_retry_after(const Refusal& refusal, std::span<char> space) noexcept {
  const auto [end, error] = std::to_chars(space.data(), space.data() + space.size(), refusal.retry_after_s);
  return error == std::errc() ? std::string_view(space.data(), static_cast<std::size_t>(end - space.data()))
                              : std::string_view("1");
}

std::string_view write_rate_limit(const Refusal& refusal, std::span<char> space) noexcept {
  if (!refusal.limit || refusal.budget != Budget::requests) return {};
  return write_rate_limit(refusal.limit->name(), 0, refusal.retry_after_s, space);
}

}  // namespace postern::limit
