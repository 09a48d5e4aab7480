// CoreIdentity's part on tokens that only their issuer can read: what it has said of one becomes a verified token like
// any other, until it is to be asked again. See core_identity.h.
#include <optional>
#include <utility>

#include "identity/api_key.h"
#include "identity/compact_token.h"
#include "identity/core_identity.h"
#include "identity/token_claims.h"
#include "identity/token_verifier.h"

namespace postern::identity {

namespace {

using Kind = IntrospectionAnswer::Kind;

Identified not_told() { return {Verdict::unavailable, {}, "introspection_unavailable"}; }

std::optional<std::size_t> index_of(const IssuerSet& issuers, std::string_view name) noexcept {
  for (std::size_t i = 0; i < issuers.issuers().size(); ++i) {
    if (issuers.issuers()[i].name() == name) return i;
  }
  return std::nullopt;
}

/// One issuer's "no" says nothing about another one's tokens.
KeyedHash asked_of(const KeyedHash& hash, std::string_view issuer, const HashSeed& seed) noexcept {
  const KeyedHash other = seed.hash(issuer);
  return {hash.low ^ other.low, hash.high ^ other.high};
}

/// Whose token it says it is; nothing is believed of it.
std::optional<std::size_t> claimed_issuer(const IssuerSet& issuers, std::string_view token) {
  const CompactToken parts = split_token(token, issuers.max_token());
  if (parts.fault != TokenFault::none) return std::nullopt;
  StrictJson json;
  if (read_claims(parts.payload, json) != TokenFault::none) return std::nullopt;
  std::string_view iss, tid;
  if (find_text(json.root(), "iss", iss) != Member::good) return std::nullopt;
  static_cast<void>(find_text(json.root(), "tid", tid));
  return issuers.find(iss, tid);
}

/// What is wrong with the answer, and not with the token.
bool is_garbage(TokenFault fault) noexcept {
  return class_of(fault) == FaultClass::malformed || fault == TokenFault::bad_time;
}

}  // namespace

bool CoreIdentity::is_asked_about(std::string_view token, std::string_view issuer, bool all) const {
  if (is_opaque(token)) return true;
  if (!all || is_api_key(token)) return false;
  const std::optional<std::size_t> claimed = claimed_issuer(*sources_->issuers, token);
  return claimed && claimed == index_of(*sources_->issuers, issuer);
}

Identified CoreIdentity::may_introspect(const KeyedHash& hash, std::string_view issuer, const http::Address& client,
                                        Moment now) noexcept {
  if (refused_.find(asked_of(hash, issuer, seed_), now.steady_ms))
    return {Verdict::remembered, {}, "refused a moment ago"};
  if (!budget_.may_check(client, now.steady_ms)) return {Verdict::over_budget, {}, "too many bad credentials"};
  budget_.charge(client, now.steady_ms);
  return {Verdict::good, {}, {}};
}

Identified CoreIdentity::introspected(std::string_view token, const KeyedHash& hash, std::string_view issuer,
                                      const IntrospectionAnswer* said, const http::Address& client, Moment now) {
  const bool is_told = said && said->kind != Kind::unreachable;
  // Somebody else may have waited for the same answer, and have read it.
  PrincipalPin known = said && said->kind == Kind::active ? recall(token, hash, now.unix_s) : PrincipalPin();
  Identified found = known     ? Identified{Verdict::good, std::move(known), {}}
                     : is_told ? judge(token, hash, issuer, *said, now)
                               : not_told();
  // An endpoint that fails may do so because of what this client sends; that nobody is there is not his fault.
  if (!is_told || found.verdict == Verdict::good) budget_.refund(client, now.steady_ms);
  return found;
}

Identified CoreIdentity::judge(std::string_view token, const KeyedHash& hash, std::string_view issuer,
                               const IntrospectionAnswer& said, Moment now) {
  const IssuerSet& issuers = *sources_->issuers;
  const std::optional<std::size_t> index = index_of(issuers, issuer);
  // The config may have changed meanwhile: another one's answers are not this one's.
  if (!index || issuers.issuers()[*index].rules->settings.introspection_url != said.url) return not_told();
  if (said.kind == Kind::failed) return not_told();
  const KeyedHash remembered = asked_of(hash, issuer, seed_);
  if (said.kind == Kind::inactive) return refuse(remembered, "inactive", now);
  TokenVerdict verdict = read_introspection(issuers, *index, said, now.unix_s);
  if (!verdict.is_good()) {
    if (is_garbage(verdict.fault)) return not_told();
    return refuse(remembered, to_string(verdict.fault), now);
  }
  const TokenFacts facts{.issuer = static_cast<IssuerIndex>(*index),
                         .key = kIntrospectionKey,
                         .good_from = verdict.good_from,
                         .good_until = verdict.good_until};
  Identified found = accept(token, hash, std::move(verdict.principal), facts, now);
  if (found.verdict != Verdict::good) static_cast<void>(refuse(remembered, found.reason, now));
  return found;
}

void CoreIdentity::forget(std::string_view token, std::string_view issuer, Moment now) noexcept {
  if (!cache_) return;
  const KeyedHash hash = hash_of(token);
  cache_->erase(token, hash);
  refused_.add(asked_of(hash, issuer, seed_), 0, now.steady_ms);
}

}  // namespace postern::identity
