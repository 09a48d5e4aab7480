#include "identity/api_key_set.h"

#include <algorithm>
#include <cstring>

#include "crypto/hmac.h"
#include "crypto/pem_file.h"
#include "identity/api_key.h"

namespace postern::identity {
namespace {

std::string_view view_of(const crypto::Sha256& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// Of the whole line: a record that changes in any way is another key to the token cache.
KeyId id_of(const ApiKeyRecord& record) {
  crypto::Sha256 digest{};
  KeyId id = 0;
  if (crypto::sha256(api_key_line(record), digest)) std::memcpy(&id, digest.data(), sizeof id);
  return id;
}

std::vector<std::string> sorted(std::vector<std::string> texts) {
  std::ranges::sort(texts);
  texts.erase(std::ranges::unique(texts).begin(), texts.end());
  return texts;
}

Principal principal_of(const ApiKeyRecord& record) {
  Principal who;
  who.subject = record.subject;
  who.issuer = kApiKeyIssuerName;
  who.issuer_name = kApiKeyIssuerName;
  who.name = record.name;
  who.groups = sorted(record.groups);
  who.roles = sorted(record.roles);
  who.scopes = sorted(record.scopes);
  who.credential = CredentialKind::api_key;
  who.credential_id = record.kid;
  who.expires_at = record.expires;
  who.issued_at = record.created;
  return who;
}

}  // namespace

std::string_view to_string(ApiKeyVerdict verdict) noexcept {
  constexpr std::string_view kNames[] = {"good", "malformed", "unknown", "wrong", "expired", "revoked"};
  return kNames[static_cast<std::size_t>(verdict)];
}

ApiKeySet::ApiKeySet(std::vector<ApiKeyRecord> records) : records_(std::move(records)) {
  std::ranges::sort(records_, {}, &ApiKeyRecord::kid);
  for (const ApiKeyRecord& record : records_) {
    record_ids_.push_back(id_of(record));
    if (record.revoked == 0) ids_.push_back(record_ids_.back());
  }
}

crypto::Loaded<std::shared_ptr<const ApiKeySet>> ApiKeySet::load(const std::string& path) {
  using Loaded = crypto::Loaded<std::shared_ptr<const ApiKeySet>>;
  const crypto::Loaded<std::string> text = crypto::read_small_file("API key file", path);
  if (!text) return Loaded::failed(text.error);
  ApiKeyFile file = parse_api_key_file(*text.value);
  if (!file.error.empty()) return Loaded::failed("API key file " + path + ": " + file.error);
  return Loaded::ok(std::make_shared<const ApiKeySet>(std::move(file.records)));
}

const ApiKeyRecord* ApiKeySet::find(std::string_view kid) const noexcept {
  const auto at = std::ranges::lower_bound(records_, kid, {}, &ApiKeyRecord::kid);
  return at != records_.end() && at->kid == kid ? &*at : nullptr;
}

ApiKeySet::Check ApiKeySet::check(std::string_view text, std::int64_t now) const {
  const auto refused = [](ApiKeyVerdict why) { return Check{why, {}, {}}; };
  const std::optional<std::string_view> kid = parse_api_key(text);
  if (!kid) return refused(ApiKeyVerdict::malformed);
  const ApiKeyRecord* record = find(*kid);
  if (record == nullptr) return refused(ApiKeyVerdict::unknown);
  crypto::Sha256 digest{};
  if (!crypto::sha256(text, digest) || !crypto::equal_in_constant_time(view_of(digest), view_of(record->digest)))
    return refused(ApiKeyVerdict::wrong);
  // Only who has the key learns that it was one.
  if (record->revoked != 0) return refused(ApiKeyVerdict::revoked);
  if (now >= record->expires) return refused(ApiKeyVerdict::expired);
  const KeyId id = record_ids_[static_cast<std::size_t>(record - records_.data())];
  return {ApiKeyVerdict::good,
          principal_of(*record),
          {.issuer = kApiKeyIssuer, .key = id, .good_from = 0, .good_until = record->expires}};
}

}  // namespace postern::identity
