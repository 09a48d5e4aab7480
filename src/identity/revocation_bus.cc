#include "identity/revocation_bus.h"

#include <algorithm>

namespace postern::identity {

void RevocationBus::add(Revocation revocation, std::int64_t now) {
  if (revocation.issuer.empty() || revocation.until <= now) return;
  fresh_.push_back(revocation);
  forget_passed(now);
  // Cores hold what they were told. Only those that start later would miss the oldest: they get its issuer as a whole.
  if (kept_.size() >= most_ && !kept_.empty()) {
    Revocation& oldest = kept_.front();
    const std::string issuer = oldest.issuer;
    Revocation all{issuer, RevokedKind::all, {}, 0, 0};
    for (const Revocation& kept : kept_) {
      if (kept.issuer != issuer) continue;
      // A revoked token may have any age: what is cut is all until now.
      all.not_before = std::max({all.not_before, kept.not_before, now});
      all.until = std::max(all.until, kept.until);
    }
    std::erase_if(kept_, [&issuer](const Revocation& kept) { return kept.issuer == issuer; });
    kept_.push_back(std::move(all));
  }
  kept_.push_back(std::move(revocation));
}

RevocationBatch RevocationBus::take() {
  if (fresh_.empty()) return nullptr;
  auto batch = std::make_shared<const std::vector<Revocation>>(std::move(fresh_));
  fresh_.clear();
  return batch;
}

RevocationBatch RevocationBus::everything(std::int64_t now) {
  forget_passed(now);
  return std::make_shared<const std::vector<Revocation>>(kept_);
}

void RevocationBus::forget_passed(std::int64_t now) {
  std::erase_if(kept_, [now](const Revocation& kept) { return kept.until <= now; });
}

}  // namespace postern::identity
