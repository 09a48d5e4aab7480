#include "identity/issuer_set.h"

#include <algorithm>

#include "identity/compact_token.h"

namespace postern::identity {
namespace {

constexpr std::string_view kTenantPlace = "{tenantid}";
constexpr std::size_t kMostTenantBytes = 64;

crypto::SignatureAlgorithms algorithms_of(const config::Issuer& issuer) {
  using enum crypto::SignatureAlgorithm;
  crypto::SignatureAlgorithms set;
  for (const std::string& name : issuer.algorithms) {
    const auto algorithm = crypto::find_signature_algorithm(name);
    // A secret is for HS256 alone, and HS256 is for a secret alone.
    if (algorithm && (*algorithm == hs256) == !issuer.secret_file.empty()) set.add(*algorithm);
  }
  if (!issuer.algorithms.empty()) return set;
  if (!issuer.secret_file.empty()) {
    set.add(hs256);
    return set;
  }
  for (const auto algorithm : {rs256, ps256, es256, es384, eddsa}) set.add(algorithm);
  return set;
}

std::vector<std::string> paths_of(const std::string& configured, std::span<const std::string_view> fallback) {
  if (!configured.empty()) return {configured};
  return {fallback.begin(), fallback.end()};
}

std::shared_ptr<const IssuerRules> rules_of(const config::Issuer& issuer,
                                            const std::vector<config::RoleMapping>& mappings) {
  const auto rules = std::make_shared<IssuerRules>();
  const IssuerTemplate& shape = issuer_template(issuer.kind);
  rules->settings = issuer;
  rules->shape = &shape;
  rules->algorithms = algorithms_of(issuer);
  for (const std::string& type : issuer.types) rules->types.push_back(comparable_type(type));
  rules->subject_paths = paths_of(issuer.subject_claim, shape.subject);
  rules->email_paths = paths_of(issuer.email_claim, shape.email);
  rules->groups_paths = paths_of(issuer.groups_claim, shape.groups);
  rules->roles_paths = paths_of(issuer.roles_claim, shape.roles);
  rules->scopes_paths = paths_of(issuer.scopes_claim, shape.scopes);
  rules->leeway_s = issuer.leeway.count() / 1000;
  rules->max_lifetime_s = issuer.max_lifetime.count() / 1000;
  for (const config::RoleMapping& mapping : mappings) {
    if (mapping.issuer.empty() || mapping.issuer == issuer.name) rules->mappings.push_back(mapping);
  }
  const std::size_t place = issuer.url.find(kTenantPlace);
  if (place != std::string::npos) {
    rules->has_tenant = true;
    rules->url_before_tenant = issuer.url.substr(0, place);
    rules->url_after_tenant = issuer.url.substr(place + kTenantPlace.size());
  }
  return rules;
}

bool is_tenant_of(const IssuerRules& rules, std::string_view iss, std::string_view tid) noexcept {
  const std::string& before = rules.url_before_tenant;
  const std::string& after = rules.url_after_tenant;
  if (tid.empty() || tid.size() > kMostTenantBytes || iss.size() != before.size() + tid.size() + after.size()) {
    return false;
  }
  if (!iss.starts_with(before) || !iss.ends_with(after) || iss.substr(before.size(), tid.size()) != tid) return false;
  const std::vector<std::string>& tenants = rules.settings.tenants;
  return std::find(tenants.begin(), tenants.end(), tid) != tenants.end();
}

}  // namespace

std::shared_ptr<const IssuerSet> IssuerSet::make(const std::vector<config::Issuer>& issuers,
                                                 const std::vector<config::RoleMapping>& mappings,
                                                 std::uint64_t max_token, std::uint64_t version) {
  const auto set = std::make_shared<IssuerSet>();
  set->max_token_ = max_token;
  set->version_ = version;
  for (const config::Issuer& issuer : issuers) set->issuers_.push_back({rules_of(issuer, mappings), nullptr, 0});
  return set;
}

std::shared_ptr<const IssuerSet> IssuerSet::with_keys(std::size_t issuer, std::shared_ptr<const KeySet> keys) const {
  auto set = std::make_shared<IssuerSet>(*this);
  TrustedIssuer& changed = set->issuers_.at(issuer);
  const bool same = changed.keys && keys ? changed.keys->is_same(*keys) : changed.keys == keys;
  if (!same) ++changed.key_epoch;
  changed.keys = std::move(keys);
  ++set->version_;
  return set;
}

std::optional<std::size_t> IssuerSet::find(std::string_view iss, std::string_view tid) const noexcept {
  for (std::size_t i = 0; i < issuers_.size(); ++i) {
    const IssuerRules& rules = *issuers_[i].rules;
    if (rules.has_tenant ? is_tenant_of(rules, iss, tid) : rules.settings.url == iss) return i;
  }
  return std::nullopt;
}

}  // namespace postern::identity
