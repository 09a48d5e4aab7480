#include "identity/core_identity.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "identity/api_key.h"
#include "identity/graph_answer.h"
#include "identity/header_texts.h"
#include "identity/token_claims.h"
#include "identity/token_verifier.h"

namespace postern::identity {

namespace {

Verdict verdict_of(TokenFault fault) noexcept {
  switch (class_of(fault)) {
    case FaultClass::unknown_key:
      return Verdict::unknown_key;
    case FaultClass::keys_unavailable:
      return Verdict::unavailable;
    default:
      return Verdict::refused;
  }
}

constexpr std::string_view kRevoked = "revoked";
// Then the directory is asked again.
constexpr std::int64_t kWithoutGroupsS = 10;

}  // namespace

CoreIdentity::CoreIdentity()
    : seed_(HashSeed::random()), budget_(seed_, config::Credentials{}.failures_per_second + 1), revoked_(seed_) {}

void CoreIdentity::install(std::shared_ptr<const IdentitySources> sources, std::int64_t unix_s) {
  static_cast<void>(unix_s);
  const config::Credentials& settings = sources->credentials;
  const bool other_size = !sources_ || sources_->credentials.cache_entries != settings.cache_entries ||
                          sources_->credentials.cache_size != settings.cache_size ||
                          sources_->credentials.cache_ttl != settings.cache_ttl;
  if (other_size) {
    const TokenCache::Limits limits{
        .entries = settings.cache_entries, .bytes = settings.cache_size, .ttl = settings.cache_ttl.count() / 1000};
    cache_ = std::make_unique<TokenCache>(seed_, limits);
  }
  if (!sources_ || sources_->generation != sources->generation) keys_.clear();
  const std::vector<TrustedIssuer>& issuers = sources->issuers->issuers();
  for (std::size_t i = 0; i < issuers.size(); ++i) {
    std::vector<KeyId> ids;
    if (issuers[i].keys) {
      for (const KeySet::Key& key : issuers[i].keys->keys()) ids.push_back(key.id);
    }
    if (!issuers[i].rules->settings.introspection_url.empty()) ids.push_back(kIntrospectionKey);
    keys_.set(static_cast<IssuerIndex>(i), ids);
  }
  if (sources->api_keys) keys_.set(kApiKeyIssuer, sources->api_keys->ids());
  budget_.set_rate(settings.failures_per_second);
  refused_.clear();  // what was refused may be good now
  sources_ = std::move(sources);
}

Identified CoreIdentity::verify(std::string_view token, const KeyedHash& hash, const http::Address& client,
                                Moment now) {
  if (refused_.find(hash, now.steady_ms)) return {Verdict::remembered, {}, "refused a moment ago"};
  if (!budget_.may_check(client, now.steady_ms)) return {Verdict::over_budget, {}, "too many bad credentials"};
  return sources_->api_keys && is_api_key(token) ? verify_api_key(token, hash, client, now)
                                                 : verify_jwt(token, hash, client, now, {});
}

Identified CoreIdentity::verify_with_groups(std::string_view token, const KeyedHash& hash,
                                            const std::vector<std::string>* groups, const http::Address& client,
                                            Moment now) {
  // Somebody else may have waited for the same.
  if (PrincipalPin known = recall(token, hash, now.unix_s)) return {Verdict::good, std::move(known), {}};
  return verify_jwt(token, hash, client, now, {.looked_up = true, .groups = groups});
}

Identified CoreIdentity::verify_api_key(std::string_view token, const KeyedHash& hash, const http::Address& client,
                                        Moment now) {
  ApiKeySet::Check check = sources_->api_keys->check(token, now.unix_s);
  if (check.verdict == ApiKeyVerdict::good) return accept(token, hash, std::move(check.who), check.facts, now);
  budget_.failed(client, now.steady_ms);
  return refuse(hash, to_string(check.verdict), now);
}

Identified CoreIdentity::verify_jwt(std::string_view token, const KeyedHash& hash, const http::Address& client,
                                    Moment now, Missing missing) {
  TokenVerdict verdict = verify_token(*sources_->issuers, token, now.unix_s);
  if (verdict.is_good()) {
    TokenFacts facts{.issuer = static_cast<IssuerIndex>(verdict.issuer),
                     .key = verdict.key_id,
                     .good_from = verdict.good_from,
                     .good_until = verdict.good_until};
    const IssuerRules& rules = *sources_->issuers->issuers()[verdict.issuer].rules;
    if (verdict.principal.groups_incomplete && !rules.settings.graph_client_id.empty()) {
      std::string path = missing.looked_up ? std::string() : directory_path_of(verdict.principal);
      if (!path.empty()) return {Verdict::no_groups, {}, "groups", rules.settings.name, std::move(path)};
      if (missing.groups)
        complete_groups(rules, *missing.groups, verdict.principal);
      else
        facts.good_until = std::min(facts.good_until, now.unix_s + kWithoutGroupsS);
    }
    return accept(token, hash, std::move(verdict.principal), facts, now);
  }
  if (verdict.signature_checked) budget_.failed(client, now.steady_ms);
  const Verdict outcome = verdict_of(verdict.fault);
  const std::string_view reason = to_string(verdict.fault);
  if (outcome == Verdict::unknown_key || outcome == Verdict::unavailable) {
    const bool known = verdict.issuer != kNoIssuer;
    return {
        outcome, {}, reason, known ? sources_->issuers->issuers()[verdict.issuer].name() : std::string(), verdict.kid};
  }
  return refuse(hash, reason, now);
}

Identified CoreIdentity::accept(std::string_view token, const KeyedHash& hash, Principal principal,
                                const TokenFacts& facts, Moment now) {
  if (revoked_.is_revoked(principal, now.unix_s)) return refuse(hash, kRevoked, now);
  write_header_texts(principal);
  PrincipalPin who(std::move(principal));
  cache_->insert(token, hash, who, facts, present(now.unix_s));
  return {Verdict::good, std::move(who), {}};
}

Identified CoreIdentity::refuse(const KeyedHash& hash, std::string_view reason, Moment now) noexcept {
  refused_.add(hash, 0, now.steady_ms);
  return {Verdict::refused, {}, reason};
}

}  // namespace postern::identity
