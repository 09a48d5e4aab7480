#include "identity/live_keys.h"

#include <algorithm>

#include "identity/issuer_set.h"

namespace postern::identity {

void LiveKeys::set_all(const IssuerSet& issuers) {
  const std::size_t count = issuers.issuers().size();
  const auto is_gone = [count](const Keys& keys) { return keys.issuer >= count && keys.issuer != kApiKeyIssuer; };
  if (std::erase_if(issuers_, is_gone) != 0) ++epoch_;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<KeyId> ids;
    if (const auto& keys = issuers.issuers()[i].keys) {
      for (const KeySet::Key& key : keys->keys()) ids.push_back(key.id);
    }
    set(static_cast<IssuerIndex>(i), ids);
  }
}

void LiveKeys::set(IssuerIndex issuer, std::span<const KeyId> keys) {
  std::vector<KeyId> sorted(keys.begin(), keys.end());
  std::ranges::sort(sorted);
  auto at = std::ranges::lower_bound(issuers_, issuer, {}, &Keys::issuer);
  if (at == issuers_.end() || at->issuer != issuer) {
    at = issuers_.insert(at, Keys{issuer, {}});
  } else if (at->ids == sorted) {
    return;
  }
  at->ids = std::move(sorted);
  ++epoch_;
}

void LiveKeys::clear() noexcept {
  issuers_.clear();
  ++epoch_;
}

bool LiveKeys::contains(IssuerIndex issuer, KeyId key) const noexcept {
  const auto at = std::ranges::lower_bound(issuers_, issuer, {}, &Keys::issuer);
  return at != issuers_.end() && at->issuer == issuer && std::ranges::binary_search(at->ids, key);
}

}  // namespace postern::identity
