// The gate's second half: whether the caller may, and how much; what the upstream is told. See gate.h.
#include "proxy/gate.h"

#include <algorithm>
#include <ctime>

#include "route/route.h"

namespace postern::proxy {

namespace {

using metrics::AccessResult;
using metrics::Reason;

bool is_among(const std::vector<std::string>& names, std::string_view name) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Gate::Gate(net::Loop& loop, metrics::CoreMetrics& metrics, std::uint32_t core)
    : loop_(loop), metrics_(metrics), core_(core) {}

identity::CoreIdentity::Moment Gate::now() const noexcept {
  timespec wall{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &wall);
  return {wall.tv_sec, coarse_now_ms()};
}

metrics::AccessRow& Gate::row(const RequestContext& rc) noexcept {
  return metrics_.access(rc.generation->snapshot->route_slots[rc.match.route->index]);
}

bool Gate::is_for_us(const RequestContext& rc, const AccessRule& rule) const noexcept {
  const CredentialKind kind = rc.principal->credential;
  const bool is_token = kind == CredentialKind::jwt || kind == CredentialKind::opaque;
  if (rule.audiences.empty() || !is_token) return true;
  return std::any_of(rule.audiences.begin(), rule.audiences.end(),
                     [&](const std::string& audience) { return is_among(rc.principal->audiences, audience); });
}

const Reply* Gate::authorize(RequestContext& rc, const AccessRule& rule) {
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
  const bool may_ask = !rc.principal && rule.auth == config::RouteAuth::optional;
  if (may_ask && !rule.scopes.empty()) return ask_for_credential(rc);
  if (rule.policy || rule.shadow) {
    const PolicyInput input{.principal = rc.principal.get(),
                            .method = rc.request().method_token,
                            .host = rc.authority,
                            .path = rc.request().path,
                            .variable_names = rc.match.route->variable_names,
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
      if (may_ask) return ask_for_credential(rc);
      return keep_reply(rc, {.status = 403, .reason = Reason::denied, .detail = "the policy does not allow this"});
    }
  }
  if (!rule.limits.empty()) {
    if (const Reply* reply = take_limits(rc, rule)) return reply;
  }
  row(rc).judged(AccessResult::allowed);
  if (rule.assertion && rc.principal) {
    const route::Forward* forward = rc.match.route->forward();
    const auto& upstreams = rc.generation->snapshot->upstreams;
    if (forward)
      rc.caller->assertion = signer_.assert_for(rc.principal, upstreams[forward->upstream].cluster.name, now().unix_s);
  }
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
  return keep_reply(rc, reply);
}

bool prepare_identity(RequestContext& rc) noexcept {
  const AccessRules& rules = *rc.generation->snapshot->access;
  if (!rules.is_active) return true;
  http::Fields& fields = rc.request().fields;
  rules.names.strip(fields);
  if (!rc.caller) return true;
  const AccessRule& rule = *rules.of(rc.match.route->index);
  if (!rule.forward_credential) identity::remove_presented(fields, rc.caller->presented, rules.carriers);
  return !rc.principal ||
         add_identity_headers(rc, rule.headers, rc.caller->assertion ? *rc.caller->assertion : std::string_view());
}

}  // namespace postern::proxy
