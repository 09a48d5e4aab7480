// The gate's first half: which credential a request shows, and whose it is. See gate.h.
#include <algorithm>

#include "identity/certificate_identity.h"
#include "identity/dpop_proof.h"
#include "proxy/gate.h"
#include "proxy/heads.h"
#include "route/route.h"

namespace postern::proxy {

namespace {

using identity::Carrier;
using identity::Identified;
using identity::Shown;
using metrics::CredentialResult;
using metrics::Reason;

bool takes(const AccessRule& rule, CredentialKind kind) noexcept {
  switch (kind) {
    case CredentialKind::api_key:
      return rule.takes_api_key;
    case CredentialKind::certificate:
      return rule.takes_certificate;
    default:
      return rule.takes_bearer;
  }
}

}  // namespace

const Reply* Gate::recall(RequestContext& rc, const AccessRule& rule) {
  const AccessRules& rules = *rc.generation->snapshot->access;
  Caller& caller = rc.caller.emplace();
  if (rule.auth == config::RouteAuth::none) return nullptr;
  http::RequestHead& head = rc.request();
  if (identity::needs_scratch(head, rules.carriers)) caller.scratch = loop_.buffers().small();
  caller.presented = identity::find_presented(head, rules.carriers, {caller.scratch.data(), caller.scratch.size()});
  switch (caller.presented.shown) {
    case Shown::broken:
    case Shown::several:
      metrics_.credential(CredentialResult::malformed);
      return challenge(
          rc, 400, Reason::bad_credential,
          caller.presented.shown == Shown::several ? "more than one credential" : "the credential is malformed",
          rules.challenge_invalid_request);
    case Shown::nothing:
      if (rule.takes_certificate && rc.exchange.peer().certified) return accept_certificate(rc, rule);
      if (rule.auth == config::RouteAuth::optional) {
        metrics_.credential(CredentialResult::absent);
        return nullptr;
      }
      return ask_for_credential(rc);
    case Shown::credential:
      break;
  }
  if (caller.presented.text.size() > rules.max_token) return refuse(rc, {.reason = "too_large"});
  caller.hash = identity_.hash_of(caller.presented.text);
  PrincipalPin who = identity_.recall(caller.presented.text, caller.hash, now().unix_s);
  caller.unknown = !who;
  if (!who) return nullptr;
  metrics_.credential(CredentialResult::recalled);
  return accept(rc, rule, std::move(who));
}

Task<const Reply*> Gate::authenticate(RequestContext& rc, const AccessRule& rule) {
  Caller& caller = *rc.caller;
  // What stands in X-API-Key is meant to be a key of ours: nobody else gets to see it.
  if (!rule.introspects.empty() && caller.presented.carrier != Carrier::api_key_header &&
      identity_.is_asked_about(caller.presented.text, rule.introspects, rule.introspects_all)) {
    const Reply* reply = co_await introspect(rc, rule);
    co_return reply;
  }
  Identified found = identity_.verify(caller.presented.text, caller.hash, rc.client_address, now());
  const bool may_come =
      found.verdict == identity::Verdict::unknown_key || found.verdict == identity::Verdict::unavailable;
  if (may_come && waiters_.can_ask()) {
    KeyWaiters::Place place(waiters_, loop_);
    waiters_.ask(place, found.issuer, found.kid);
    const net::Waited waited = co_await place.signal.wait(KeyWaiters::kPatienceMs);
    static_cast<void>(waited);  // either way: what is known now decides
    found = identity_.verify(caller.presented.text, caller.hash, rc.client_address, now());
    // The issuer knows no such key: that will be so for a while.
    if (found.verdict == identity::Verdict::unknown_key && place.is_sure)
      found = identity_.remember(caller.hash, found.reason, now());
  }
  if (found.verdict == identity::Verdict::no_groups) found = co_await look_up_groups(rc, std::move(found));
  caller.unknown = false;
  if (found.verdict != identity::Verdict::good) co_return refuse(rc, found);
  metrics_.credential(CredentialResult::verified);
  co_return accept(rc, rule, std::move(found.who));
}

/// The token is good, but has no room for all groups of its owner.
Task<Identified> Gate::look_up_groups(RequestContext& rc, Identified found) {
  const Caller& caller = *rc.caller;
  std::shared_ptr<const std::vector<std::string>> groups;
  if (group_waiters_.can_ask()) {
    KeyWaiters::Place place(group_waiters_, loop_);
    group_waiters_.ask(place, found.issuer, found.kid);
    const net::Waited waited = co_await place.signal.wait(KeyWaiters::kPatienceMs);
    static_cast<void>(waited);  // either way: what is known now has to do
    groups = std::move(place.groups);
  }
  co_return identity_.verify_with_groups(caller.presented.text, caller.hash, groups.get(), rc.client_address, now());
}

/// RFC 7662: the issuer says what the token means.
Task<const Reply*> Gate::introspect(RequestContext& rc, const AccessRule& rule) {
  Caller& caller = *rc.caller;
  const std::string_view token = caller.presented.text;
  Identified found = identity_.may_introspect(caller.hash, rule.introspects, rc.client_address, now());
  if (found.verdict == identity::Verdict::good) {
    std::shared_ptr<const identity::IntrospectionAnswer> said;
    if (token_waiters_.can_ask()) {
      KeyWaiters::Place place(token_waiters_, loop_);
      token_waiters_.ask(place, rule.introspects, token);
      const net::Waited waited = co_await place.signal.wait(KeyWaiters::kPatienceMs);
      static_cast<void>(waited);  // either way: what has been said until now decides
      said = std::move(place.said);
    }
    found = identity_.introspected(token, caller.hash, rule.introspects, said.get(), rc.client_address, now());
  }
  caller.unknown = false;
  if (found.verdict != identity::Verdict::good) co_return refuse(rc, found);
  metrics_.credential(CredentialResult::verified);
  co_return accept(rc, rule, std::move(found.who));
}

const Reply* Gate::accept(RequestContext& rc, const AccessRule& rule, PrincipalPin who) {
  rc.principal = std::move(who);
  const Principal& principal = *rc.principal;
  if (!takes(rule, principal.credential)) return refuse(rc, {.reason = "credential_kind"});
  const auto& issuers = rule.issuers;
  if (!issuers.empty() && std::find(issuers.begin(), issuers.end(), principal.issuer_name) == issuers.end())
    return refuse(rc, {.reason = "issuer_not_here"});
  // A token that is bound to a certificate or a key is worth nothing without it.
  if (!identity::certificate_matches(principal, rc.exchange.peer().certificate))
    return refuse(rc, {.reason = "unproven_binding"});
  if (!principal.bound_key.empty() || rc.caller->presented.carrier == Carrier::dpop) return check_proof(rc);
  return nullptr;
}

/// RFC 9449: for every request anew, whether its token is known or not.
const Reply* Gate::check_proof(RequestContext& rc) {
  const AccessRules& rules = *rc.generation->snapshot->access;
  Caller& caller = *rc.caller;
  if (rc.principal->bound_key.empty() || caller.presented.carrier != Carrier::dpop)
    return refuse(rc, {.reason = "unproven_binding"});
  const identity::CoreIdentity::Moment at = now();
  if (!identity_.may_check(rc.client_address, at))
    return refuse(rc, {.verdict = identity::Verdict::over_budget, .reason = "too many bad proofs"});
  const http::RequestHead& head = rc.request();
  const identity::DpopRequest request{.proof = caller.presented.proof,
                                      .access_token = caller.presented.text,
                                      .thumbprint = rc.principal->bound_key,
                                      .method = head.method_token,
                                      .scheme = client_scheme(rc),
                                      .authority = rc.authority,
                                      .path = head.path,
                                      .uri_policy = rc.listener.h1.uri,
                                      .now = at.unix_s};
  const identity::DpopVerdict verdict = identity::check_dpop(request, rules.nonces.get());
  const bool wants_nonce = verdict.renew_nonce || verdict.fault == identity::DpopFault::needs_nonce;
  if (wants_nonce && rules.nonces) caller.dpop_nonce = rules.nonces->make(rc.principal->bound_key, at.unix_s);
  if (verdict.is_good()) return nullptr;
  if (verdict.signature_checked) identity_.failed(rc.client_address, at);
  metrics_.credential(CredentialResult::refused);
  rc.principal = {};
  caller.refused = to_string(verdict.fault);
  caller.dpop_challenge = identity::dpop_challenge(verdict.fault, rules.realm);
  Reply reply{.status = 401, .reason = Reason::invalid_credential, .detail = "the proof of possession is not good"};
  reply.header_name = "WWW-Authenticate";
  reply.header_value = caller.dpop_challenge;
  if (!caller.dpop_nonce.empty()) reply.more[0] = {"DPoP-Nonce", caller.dpop_nonce};
  return keep_reply(rc, reply);
}

const Reply* Gate::ask_for_credential(RequestContext& rc) noexcept {
  metrics_.credential(CredentialResult::missing);
  return challenge(rc, 401, Reason::unauthenticated, "a credential is needed",
                   rc.generation->snapshot->access->challenge);
}

/// TLS has verified it when the connection was opened; what may have changed since is looked at again.
const Reply* Gate::accept_certificate(RequestContext& rc, const AccessRule& rule) {
  const PrincipalPin& who = rc.exchange.peer().certified;
  const std::int64_t now_s = now().unix_s;
  if (who->expires_at != 0 && who->expires_at <= now_s) return refuse(rc, {.reason = "expired"});
  if (identity_.revocations().is_revoked(*who, now_s)) return refuse(rc, {.reason = "revoked"});
  metrics_.credential(CredentialResult::recalled);
  return accept(rc, rule, who);
}

const Reply* Gate::refuse(RequestContext& rc, const Identified& why) noexcept {
  const AccessRules& rules = *rc.generation->snapshot->access;
  rc.principal = {};
  rc.caller->refused = why.reason;
  switch (why.verdict) {
    case identity::Verdict::over_budget:
      metrics_.credential(CredentialResult::over_budget);
      return keep_reply(rc, {.status = 429,
                             .reason = Reason::rate_limited,
                             .detail = "too many credentials that are not good",
                             .header_name = "Retry-After",
                             .header_value = "1"});
    case identity::Verdict::unknown_key:  // and its issuer could not be asked
    case identity::Verdict::unavailable:
      metrics_.credential(CredentialResult::unavailable);
      return keep_reply(rc, {.status = 503,
                             .reason = Reason::identity_unavailable,
                             .detail = "the credential cannot be checked at the moment",
                             .header_name = "Retry-After",
                             .header_value = "5"});
    default:
      break;
  }
  metrics_.credential(why.verdict == identity::Verdict::remembered ? CredentialResult::remembered
                                                                   : CredentialResult::refused);
  return challenge(rc, 401, Reason::invalid_credential, "the credential is not good here",
                   rules.challenge_invalid_token);
}

const Reply* Gate::challenge(RequestContext& rc, std::uint16_t status, Reason reason, const char* detail,
                             std::string_view text) noexcept {
  return keep_reply(
      rc,
      {.status = status, .reason = reason, .detail = detail, .header_name = "WWW-Authenticate", .header_value = text});
}

}  // namespace postern::proxy
