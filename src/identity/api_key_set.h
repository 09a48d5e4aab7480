// The API keys that are believed, as read from the file once. Immutable: shared by every core, replaced when the file
// changes. Asked on a miss of the token cache only; answers go there like a verified token's, with kApiKeyIssuer as
// their issuer and ids() as its live keys, so that a changed or revoked record ends at the next post.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/loaded.h"
#include "identity/api_key_file.h"
#include "identity/live_keys.h"
#include "identity/token_cache.h"
#include "postern/principal.h"

namespace postern::identity {

/// What stands as the issuer of callers with an API key.
inline constexpr std::string_view kApiKeyIssuerName = "api-keys";

enum class ApiKeyVerdict : std::uint8_t { good, malformed, unknown, wrong, expired, revoked };
std::string_view to_string(ApiKeyVerdict verdict) noexcept;

class ApiKeySet {
 public:
  struct Check {
    ApiKeyVerdict verdict = ApiKeyVerdict::malformed;
    Principal who;     // when good
    TokenFacts facts;  // when good: for TokenCache::insert
  };

  ApiKeySet() = default;
  explicit ApiKeySet(std::vector<ApiKeyRecord> records);
  /// Start-up and reload; blocks on the disk. The message names the file and the line.
  static crypto::Loaded<std::shared_ptr<const ApiKeySet>> load(const std::string& path);

  Check check(std::string_view text, std::int64_t now) const;

  /// For LiveKeys::set(kApiKeyIssuer, ...): the ids of all records that are not revoked.
  const std::vector<KeyId>& ids() const noexcept { return ids_; }
  std::size_t size() const noexcept { return records_.size(); }

 private:
  const ApiKeyRecord* find(std::string_view kid) const noexcept;

  std::vector<ApiKeyRecord> records_;  // sorted by kid
  std::vector<KeyId> record_ids_;      // of the same places: a hash of the record's whole line
  std::vector<KeyId> ids_;
};

}  // namespace postern::identity
