// Whom we believe: the issuers of the config with the rules that apply to each, and the keys that each has at this
// moment. Immutable: new keys make a new set, which is posted to every core. Shared between cores; no locks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings_identity.h"
#include "config/settings_policy.h"
#include "crypto/signature_algorithm.h"
#include "identity/issuer_templates.h"
#include "identity/key_set.h"

namespace postern::identity {

/// What stays the same as long as the config does.
struct IssuerRules {
  config::Issuer settings;
  const IssuerTemplate* shape = nullptr;  // never null once made
  crypto::SignatureAlgorithms algorithms;
  std::vector<std::string> types;  // lower case, of the config; empty: the template's
  // Dotted paths; the first that leads somewhere counts (scopes: all of them).
  std::vector<std::string> subject_paths;
  std::vector<std::string> email_paths;
  std::vector<std::string> groups_paths;
  std::vector<std::string> roles_paths;
  std::vector<std::string> scopes_paths;
  std::int64_t leeway_s = 0;
  std::int64_t max_lifetime_s = 0;            // 0: any
  std::vector<config::RoleMapping> mappings;  // those that can concern it
  std::string url_before_tenant;              // of a url with {tenantid}
  std::string url_after_tenant;
  bool has_tenant = false;
};

struct TrustedIssuer {
  std::shared_ptr<const IssuerRules> rules;
  std::shared_ptr<const KeySet> keys;  // null: not known (yet, or for too long)
  std::uint64_t key_epoch = 0;         // counts the changes of `keys`

  [[nodiscard]] const std::string& name() const noexcept { return rules->settings.name; }
};

class IssuerSet {
 public:
  IssuerSet() = default;
  /// Nobody has keys yet.
  static std::shared_ptr<const IssuerSet> make(const std::vector<config::Issuer>& issuers,
                                               const std::vector<config::RoleMapping>& mappings,
                                               std::uint64_t max_token, std::uint64_t version = 1);
  /// The same set, except for the keys of one. Keys that are the same leave its epoch as it is.
  [[nodiscard]] std::shared_ptr<const IssuerSet> with_keys(std::size_t issuer,
                                                           std::shared_ptr<const KeySet> keys) const;

  [[nodiscard]] const std::vector<TrustedIssuer>& issuers() const noexcept { return issuers_; }
  [[nodiscard]] std::uint64_t max_token() const noexcept { return max_token_; }
  /// Grows with every change: of two sets of one keeper the one with the higher number counts.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

  /// By `iss`, byte for byte. Where the url has {tenantid}: by `tid`, whose tenant must be configured, put in its
  /// place.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view iss, std::string_view tid) const noexcept;
  /// For a cache: whether a token of that issuer's key may still be believed.
  [[nodiscard]] bool has_key(std::size_t issuer, std::uint64_t key_id) const noexcept {
    return issuer < issuers_.size() && issuers_[issuer].keys && issuers_[issuer].keys->has(key_id);
  }

 private:
  std::vector<TrustedIssuer> issuers_;
  std::uint64_t max_token_ = 16 * 1024;
  std::uint64_t version_ = 0;
};

}  // namespace postern::identity
