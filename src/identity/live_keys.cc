#include "identity/live_keys.h"

#include <algorithm>

namespace postern::identity {

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
