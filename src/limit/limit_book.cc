// See limit_book.h.
#include "limit/limit_book.h"

#include <fmt/format.h>

#include <algorithm>

#include "limit/fields.h"

namespace postern::limit {
namespace {

bool is_same(const config::Limit& a, const config::Limit& b) noexcept {
  return a.name == b.name && a.per == b.per && a.requests == b.requests && a.burst == b.burst &&
         a.body_bytes == b.body_bytes && a.concurrent == b.concurrent && a.interval == b.interval &&
         a.max_keys == b.max_keys;
}

}  // namespace

SharedLimit* LimitBook::find(std::string_view name) const noexcept {
  const auto found =
      std::ranges::find(limits_, name, [](const auto& limit) { return std::string_view(limit->name()); });
  return found == limits_.end() ? nullptr : found->get();
}

LimitSet LimitBook::make_set(const std::vector<std::string>& names) const {
  LimitSet set;
  for (const std::string& name : names) {
    SharedLimit* const limit = find(name);
    if (!limit || set.limits.size() == kMaxLimits) continue;
    set.limits.push_back(limit);
    set.parts |= limit->parts();
    append_policy(set.policy, limit->settings());
  }
  return set;
}

std::shared_ptr<const LimitBook> LimitRegistry::make_book(const std::vector<config::Limit>& limits, std::size_t cores) {
  auto book = std::make_shared<LimitBook>();
  for (const config::Limit& settings : limits) {
    Known& known = known_[settings.name];
    std::shared_ptr<SharedLimit> limit = known.limit.lock();
    if (!limit || known.cores != cores || !is_same(known.settings, settings)) {
      auto slot = std::ranges::find_if(slots_, [](const auto& place) { return place.expired(); });
      if (slot == slots_.end()) slot = slots_.emplace(slots_.end());
      limit = std::make_shared<SharedLimit>(settings, static_cast<std::uint32_t>(slot - slots_.begin()), cores, seed_);
      *slot = limit;
      known = Known{settings, cores, limit};
    }
    book->limits_.push_back(std::move(limit));
  }
  return book;
}

}  // namespace postern::limit
