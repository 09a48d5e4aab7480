#include "proxy/gate.h"

#include <algorithm>
#include <ctime>

#include "identity/certificate_identity.h"
#include "route/route.h"

namespace postern::proxy {

namespace {

using identity::Carrier;
using identity::Identified;
using identity::Shown;
using metrics::AccessResult;
using metrics::CredentialResult;
using metrics::Reason;

const Reply* say(RequestContext& rc, const Reply& reply) noexcept {
  rc.reply = reply;
  return &rc.reply;
}

bool is_among(const std::vector<std::string>& names, std::string_view name) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

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

Gate::Gate(net::Loop& loop, metrics::CoreMetrics& metrics, std::uint32_t core)
    : loop_(loop), metrics_(metrics), core_(core) {}

identity::CoreIdentity::Moment Gate::now() const noexcept {
  timespec wall{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &wall);
  return {wall.tv_sec, now_ns() / 1'000'000};
}

metrics::AccessRow& Gate::row(const RequestContext& rc) noexcept {
  return metrics_.access(rc.generation->snapshot->route_slots[rc.match.route->index]);
}

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
      metrics_.credential(CredentialResult::missing);
      return challenge(rc, 401, Reason::unauthenticated, "a credential is needed", rules.challenge);
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
  Identified found = identity_.verify(caller.presented.text, caller.hash, rc.client_address, now());
  const bool may_come =
      found.verdict == identity::Verdict::unknown_key || found.verdict == identity::Verdict::unavailable;
  if (may_come && found.issuer != Identified::kNoIssuerIndex && waiters_.can_ask()) {
    KeyWaiters::Place place(waiters_, loop_);
    waiters_.ask(identity_.sources().generation, found.issuer);
    const net::Waited waited = co_await place.signal.wait(KeyWaiters::kPatienceMs);
    static_cast<void>(waited);  // either way: what is known now decides
    found = identity_.verify(caller.presented.text, caller.hash, rc.client_address, now());
  }
  caller.unknown = false;
  if (found.verdict != identity::Verdict::good) co_return refuse(rc, found);
  metrics_.credential(CredentialResult::verified);
  co_return accept(rc, rule, std::move(found.who));
}

const Reply* Gate::accept(RequestContext& rc, const AccessRule& rule, PrincipalPin who) noexcept {
  rc.principal = std::move(who);
  const Principal& principal = *rc.principal;
  if (!takes(rule, principal.credential)) return refuse(rc, {.reason = "credential_kind"});
  if (!rule.issuers.empty() && !is_among(rule.issuers, principal.issuer_name))
    return refuse(rc, {.reason = "issuer_not_here"});
  // A token that is bound to a key or a certificate is worth nothing without it.
  if (!principal.bound_key.empty() || !identity::certificate_matches(principal, rc.exchange.peer().certificate))
    return refuse(rc, {.reason = "unproven_binding"});
  return nullptr;
}

/// TLS has verified it when the connection was opened; what may have changed since is looked at again.
const Reply* Gate::accept_certificate(RequestContext& rc, const AccessRule& rule) noexcept {
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
      return say(rc, {.status = 429,
                      .reason = Reason::rate_limited,
                      .detail = "too many credentials that are not good",
                      .header_name = "Retry-After",
                      .header_value = "1"});
    case identity::Verdict::unknown_key:
      // The issuer has been asked, or was a moment ago: there is no such key, unless it could not be asked.
      if (!identity_.sources().is_stale(why.issuer)) break;
      [[fallthrough]];
    case identity::Verdict::unavailable:
      metrics_.credential(CredentialResult::unavailable);
      return say(rc, {.status = 503,
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
  return say(
      rc,
      {.status = status, .reason = reason, .detail = detail, .header_name = "WWW-Authenticate", .header_value = text});
}

bool Gate::is_for_us(const RequestContext& rc, const AccessRule& rule) const noexcept {
  if (rule.audiences.empty() || rc.principal->credential != CredentialKind::jwt) return true;
  return std::any_of(rule.audiences.begin(), rule.audiences.end(),
                     [&](const std::string& audience) { return is_among(rc.principal->audiences, audience); });
}

const Reply* Gate::authorize(RequestContext& rc, const AccessRule& rule) noexcept {
  const AccessRules& rules = *rc.generation->snapshot->access;
  if (rc.principal) {
    if (!is_for_us(rc, rule)) {
      row(rc).judged(AccessResult::wrong_audience);
      return challenge(rc, 401, Reason::invalid_credential, "the token is not meant for this",
                       rules.challenge_invalid_token);
    }
    const auto has = [&](const std::string& scope) {
      return std::binary_search(rc.principal->scopes.begin(), rc.principal->scopes.end(), scope);
    };
    if (!std::all_of(rule.scopes.begin(), rule.scopes.end(), has)) {
      row(rc).judged(AccessResult::insufficient_scope);
      return challenge(rc, 403, Reason::insufficient_scope, "the token lacks a scope", rule.scope_challenge);
    }
  }
  if (rule.policy || rule.shadow) {
    const PolicyInput input{.principal = rc.principal.get(),
                            .method = rc.request().method_token,
                            .host = rc.authority,
                            .path = rc.request().path,
                            .variable_names = rule.variable_names,
                            .variables = {rc.match.variables.data(), rc.match.variable_count},
                            .model = rc.match.route->model_of(rc.match),
                            .client = rc.client_address,
                            .listener = rc.listener.name,
                            .route = rc.match.route->name,
                            .now = now().unix_s,
                            .core = core_};
    const bool allowed = !rule.policy || (rc.caller->decision = rule.policy->evaluate(input)).allowed;
    if (rule.shadow) look_at_shadow(rc, rule, input, allowed);
    if (!allowed) {
      row(rc).judged(AccessResult::denied);
      return say(rc, {.status = 403, .reason = Reason::denied, .detail = "the policy does not allow this"});
    }
  }
  if (!rule.limits.empty()) {
    if (const Reply* reply = take_limits(rc, rule)) return reply;
  }
  row(rc).judged(AccessResult::allowed);
  return nullptr;
}

void Gate::look_at_shadow(const RequestContext& rc, const AccessRule& rule, const PolicyInput& input,
                          bool allowed) noexcept {
  const policy::Decision shadow = rule.shadow->evaluate(input);
  if (shadow.allowed == allowed) return;
  row(rc).judged(shadow.allowed ? AccessResult::shadow_allowed : AccessResult::shadow_denied);
}

const Reply* Gate::take_limits(RequestContext& rc, const AccessRule& rule) noexcept {
  const http::RequestHead& head = rc.request();
  const limit::LimitInput input{
      .principal = rc.principal.get(),
      .route = rc.match.route->name,
      .model = rc.match.route->model_of(rc.match),
      .client = &rc.client_address,
      .body_bytes = head.framing == http::Framing::length ? head.content_length : 0,
      .has_body = head.framing != http::Framing::none && head.protocol.empty(),
  };
  Caller& caller = *rc.caller;
  limit::Refusal refusal;
  if (limits_.take(rule.limits, input, rc.started, caller.taken, refusal)) {
    caller.limited = true;
    return nullptr;
  }
  row(rc).judged(AccessResult::limited);
  Reply reply{.status = 429, .reason = Reason::rate_limited, .detail = "a limit of the route is reached"};
  reply.header_name = "Retry-After";
  reply.header_value = limit::write_retry_after(refusal, caller.retry_after_space);
  reply.more[0] = {"RateLimit", limit::write_rate_limit(refusal, caller.rate_limit_space)};
  reply.more[1] = {"RateLimit-Policy", rule.limits.policy};
  return say(rc, reply);
}

bool prepare_identity(RequestContext& rc) noexcept {
  const AccessRules& rules = *rc.generation->snapshot->access;
  if (!rules.is_active) return true;
  http::Fields& fields = rc.request().fields;
  rules.names.strip(fields);
  if (!rc.caller) return true;
  const AccessRule& rule = *rules.of(rc.match.route->index);
  if (!rule.forward_credential) identity::remove_presented(fields, rc.caller->presented, rules.carriers);
  return !rc.principal || add_identity_headers(rc, rule.headers, rc.caller->assertion);
}

}  // namespace postern::proxy
