// SnapshotBuilder's part on identity: who is believed, and what each route wants of its callers. Control thread; blocks
// on the disk.
#include <algorithm>
#include <cctype>

#include "audit/trail.h"
#include "base/log.h"
#include "http/field.h"
#include "identity/assertion.h"
#include "identity/core_identity.h"
#include "identity/introspection.h"
#include "identity/key_file.h"
#include "proxy/access_rule.h"
#include "server/build_job.h"

namespace postern::server {

namespace {

using identity::IssuerSet;
using identity::KeySet;
using proxy::AccessRule;
using proxy::AccessRules;

bool takes(const config::RouteAccess& access, std::string_view credential) {
  return access.credentials.empty() ||
         std::find(access.credentials.begin(), access.credentials.end(), credential) != access.credentials.end();
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

/// As a quoted-string.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string challenge_of(const config::Credentials& settings, std::string_view error, std::string_view more = {}) {
  std::string text = "Bearer realm=" + quoted(settings.realm);
  if (!error.empty()) text.append(", error=\"").append(error).append("\"");
  return text.append(more);
}

/// At most one, as validation has seen to.
const config::Issuer* introspected_by(const config::RouteAccess& access, const std::vector<config::Issuer>& issuers) {
  const auto is_it = [&access](const config::Issuer& issuer) {
    return !issuer.introspection_url.empty() &&
           (access.issuers.empty() ||
            std::find(access.issuers.begin(), access.issuers.end(), issuer.name) != access.issuers.end());
  };
  const auto found = std::find_if(issuers.begin(), issuers.end(), is_it);
  return takes(access, "bearer") && found != issuers.end() ? &*found : nullptr;
}

std::unique_ptr<const AccessRule> rule_of(const config::RouteAccess& access, const std::vector<config::Issuer>& issuers,
                                          const policy::PolicySet& policies, const limit::LimitBook& limits,
                                          const config::Credentials& credentials) {
  auto rule = std::make_unique<AccessRule>();
  rule->auth = access.auth;
  rule->takes_bearer = takes(access, "bearer");
  rule->takes_api_key = takes(access, "api_key");
  rule->takes_certificate = takes(access, "certificate");
  rule->forward_credential = access.forward_credential;
  rule->assertion = access.assertion;
  rule->issuers = access.issuers;
  if (const config::Issuer* asked = introspected_by(access, issuers)) {
    rule->introspects = asked->name;
    rule->introspects_all = asked->introspection_tokens == config::Introspected::all;
  }
  rule->audiences = access.audiences;
  rule->scopes = access.scopes;
  rule->scope_challenge = challenge_of(credentials, "insufficient_scope", ", scope=" + quoted(joined(access.scopes)));
  if (!access.policy.empty()) rule->policy = policies.find(access.policy);
  if (!access.shadow_policy.empty()) rule->shadow = policies.find(access.shadow_policy);
  rule->limits = limits.make_set(access.limits);
  rule->headers = proxy::identity_headers(access);
  return rule;
}

}  // namespace

void SnapshotBuilder::add_identity(Job& job) {
  const config::Settings& settings = job.loaded.settings;
  auto sources = std::make_shared<identity::IdentitySources>();
  sources->credentials = settings.credentials;
  sources->issuers = IssuerSet::make(settings.issuers, settings.role_mappings, settings.credentials.max_token);
  for (std::size_t i = 0; i < settings.issuers.size(); ++i) {
    const config::Issuer& issuer = settings.issuers[i];
    const std::string path = "issuer[" + std::to_string(i) + "].";
    if (!issuer.introspection_url.empty())
      check_secret(job, path + "introspection_secret_file", issuer.introspection_secret_file);
    if (!issuer.graph_client_id.empty()) check_secret(job, path + "graph_secret_file", issuer.graph_secret_file);
    if (identity::key_file_of(issuer).empty()) continue;  // fetched
    KeySet::Made made = identity::load_key_file(issuer);
    for (const std::string& skipped : made.skipped)
      log::warn("a key is left out", {{"issuer", issuer.name}, {"why", skipped}});
    if (!made.keys && keeps_old(job)) {
      log::error("keys not reloaded, the old ones stay", {{"issuer", issuer.name}, {"why", made.error}});
      made.keys = last_keys(issuer.name);
      kept_old_ = true;
    }
    if (made.keys)
      sources->issuers = sources->issuers->with_keys(i, made.keys);
    else
      job.complain("issuer[" + std::to_string(i) + "]", made.error);
  }
  if (!settings.credentials.api_key_file.empty()) {
    auto keys = identity::ApiKeySet::load(settings.credentials.api_key_file);
    if (!keys && keeps_old(job) && last_->identity->api_keys) {
      log::error("API keys not reloaded, the old ones stay", {{"why", keys.error}});
      sources->api_keys = last_->identity->api_keys;
      kept_old_ = true;
    } else if (keys)
      sources->api_keys = *keys.value;
    else
      job.complain("credentials.api_key_file", keys.error);
  }
  job.out.identity = std::move(sources);
}

/// Those who need it read it for themselves, and go on with the one that they have when it cannot be read any more.
void SnapshotBuilder::check_secret(Job& job, const std::string& key, const std::string& file) const {
  const auto secret = identity::load_client_secret(file);
  if (!secret && !keeps_old(job)) job.complain(key, secret.error);
}

bool SnapshotBuilder::keeps_old(const Job& job) const {
  return job.on_bad_certificate == OnBadCertificate::keep_old && last_ && last_->identity;
}

std::shared_ptr<const KeySet> SnapshotBuilder::last_keys(const std::string& issuer) const {
  for (const identity::TrustedIssuer& known : last_->identity->issuers->issuers()) {
    if (known.name() == issuer) return known.keys;
  }
  return nullptr;
}

void SnapshotBuilder::add_access(Job& job) {
  const config::Settings& settings = job.loaded.settings;
  auto rules = std::make_shared<AccessRules>();
  rules->limits = limits_.make_book(settings.limits, job.cores);
  const bool any = std::any_of(settings.routes.begin(), settings.routes.end(),
                               [](const config::Route& route) { return route.access.has_value(); });
  rules->is_active = any || !settings.issuers.empty() || !settings.credentials.api_key_file.empty();
  if (!job.out.policies) return;
  const config::Credentials& credentials = settings.credentials;
  if (http::field_id(credentials.token_header) != http::FieldId::other)
    job.complain("credentials.token_header", "this header means something else already");
  rules->carriers = {.api_keys = !credentials.api_key_file.empty(),
                     .basic = credentials.basic,
                     .sagemaker = credentials.sagemaker_attributes,
                     .token_header = credentials.token_header};
  rules->max_token = credentials.max_token;
  rules->nonces = nonces_;
  rules->realm = credentials.realm;
  rules->challenge = challenge_of(credentials, "");
  rules->challenge_invalid_request = challenge_of(credentials, "invalid_request");
  rules->challenge_invalid_token = challenge_of(credentials, "invalid_token");
  std::vector<std::string> names;
  for (const config::Route& route : settings.routes) {
    if (!route.access) continue;
    for (const auto& [name, claim] : route.access->claim_headers) names.push_back(name);
  }
  rules->names = proxy::IdentityNames(names);
  if (any) {
    for (const config::Route& route : settings.routes)
      rules->by_route.push_back(
          route.access ? rule_of(*route.access, settings.issuers, *job.out.policies, *rules->limits, credentials)
                       : nullptr);
  }
  add_audit(job, *rules);
  job.out.access = std::move(rules);
  const bool asserts = std::any_of(settings.routes.begin(), settings.routes.end(),
                                   [](const config::Route& route) { return route.access && route.access->assertion; });
  if (asserts) add_assertion(job);
}

void SnapshotBuilder::add_audit(Job& job, proxy::AccessRules& rules) {
  const config::Settings& settings = job.loaded.settings;
  for (std::size_t i = 0; i < settings.audit.size(); ++i) {
    const std::string error = audit::AuditTrail::check(settings.audit[i]);
    if (!error.empty()) job.complain("audit[" + std::to_string(i) + "]", error);
  }
  if (settings.audit.empty()) return;
  for (const config::Route& route : settings.routes) {
    rules.audit.push_back({.outcome = route.audit != config::RouteAudit::off,
                           .intent = route.audit == config::RouteAudit::intent,
                           .required = route.audit_required});
  }
}

std::shared_ptr<const identity::AssertionKey> SnapshotBuilder::assertion_key() const noexcept {
  return last_ ? last_->assertion_key : nullptr;
}

std::shared_ptr<const identity::IdentitySources> SnapshotBuilder::with_keys(
    std::shared_ptr<const identity::IssuerSet> issuers) {
  if (!sources_ || issuers->version() <= sources_->issuers->version()) return nullptr;
  auto next = std::make_shared<identity::IdentitySources>(*sources_);
  next->issuers = std::move(issuers);
  sources_ = next;
  return next;
}

/// A key of this process stays as long as the process does; one of a file is read again.
void SnapshotBuilder::add_assertion(Job& job) {
  const config::Assertion& settings = job.loaded.settings.assertion;
  const bool same = last_ && last_->assertion_key && settings.key_file.empty() &&
                    last_->settings.assertion.key_file.empty() && last_->settings.assertion.issuer == settings.issuer &&
                    last_->settings.assertion.lifetime == settings.lifetime;
  if (same) {
    job.out.assertion_key = last_->assertion_key;
    return;
  }
  auto key = identity::AssertionKey::load(settings);
  if (key)
    job.out.assertion_key = *key.value;
  else
    job.complain("assertion.key_file", key.error);
}

}  // namespace postern::server
