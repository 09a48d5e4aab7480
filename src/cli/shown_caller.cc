#include "cli/shown_caller.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "crypto/pem_file.h"
#include "identity/api_key.h"
#include "identity/api_key_set.h"
#include "identity/introspection.h"
#include "identity/issuer_set.h"
#include "identity/key_set.h"
#include "identity/token_claims.h"
#include "identity/token_verifier.h"

namespace postern::cli {
namespace {

using identity::IssuerSet;
using identity::KeySet;
using identity::StrictJson;
using identity::TokenFault;

/// Those of files; whoever else has keys publishes them, and nobody is asked here.
std::shared_ptr<const KeySet> load_keys(const config::Issuer& issuer, std::string& error) {
  KeySet::Made made;
  const auto load = [&](const std::string& path, auto make) {
    const crypto::Loaded<std::string> text = crypto::read_small_file("keys", path);
    if (!text)
      error = text.error;
    else
      made = make(*text.value);
    if (error.empty() && !made.keys) error = path + ": " + made.error;
  };
  const auto jwks = [](const std::string& text) { return KeySet::from_jwks(text); };
  if (!issuer.jwks_file.empty()) load(issuer.jwks_file, jwks);
  if (!issuer.pem_file.empty()) load(issuer.pem_file, &KeySet::from_pem);
  if (!issuer.secret_file.empty()) load(issuer.secret_file, &KeySet::from_secret);
  return made.keys;
}

std::shared_ptr<const IssuerSet> make_issuers(const config::Settings& settings) {
  return IssuerSet::make(settings.issuers, settings.role_mappings, settings.credentials.max_token);
}

void refuse(ShownCaller& out, TokenFault fault) {
  const identity::FaultText& text = identity::describe(fault);
  out.fault = fmt::format("{}: {}", text.name, text.text);
  out.unavailable = text.kind == identity::FaultClass::keys_unavailable;
}

ShownCaller caller_by_api_key(const config::Settings& settings, const std::string& key, std::int64_t now) {
  ShownCaller out;
  if (settings.credentials.api_key_file.empty()) {
    out.fault = "the config has no API keys";
    return out;
  }
  const auto keys = identity::ApiKeySet::load(settings.credentials.api_key_file);
  if (!keys) {
    out.error = keys.error;
    return out;
  }
  identity::ApiKeySet::Check check = (*keys.value)->check(key, now);
  if (check.verdict != identity::ApiKeyVerdict::good) {
    out.fault = fmt::format("the API key is {}", to_string(check.verdict));
    return out;
  }
  out.story = "an API key of " + settings.credentials.api_key_file;
  out.who = std::move(check.who);
  return out;
}

/// What the issuer would say nobody knows here.
ShownCaller caller_by_opaque_token(const config::Settings& settings) {
  ShownCaller out;
  std::string names;
  for (const config::Issuer& issuer : settings.issuers) {
    if (!issuer.introspection_url.empty()) names += fmt::format("{}\"{}\"", names.empty() ? "" : " or ", issuer.name);
  }
  out.unavailable = true;
  out.fault = "opaque: a running postern asks issuer " + names + " about it, whose answer can be given by --claims";
  return out;
}

ShownCaller caller_by_answer(const IssuerSet& issuers, std::size_t issuer, std::string body, std::int64_t now) {
  ShownCaller out;
  using Kind = identity::IntrospectionAnswer::Kind;
  const Kind kind = identity::read_activity(body);
  const identity::IntrospectionAnswer answer{.kind = kind,
                                             .asked_at = now,
                                             .url = issuers.issuers()[issuer].rules->settings.introspection_url,
                                             .body = std::move(body)};
  if (kind != Kind::active) {
    out.unavailable = kind == Kind::failed;
    out.fault = out.unavailable ? "the answer is none (RFC 7662)" : "inactive: its issuer says so";
    return out;
  }
  identity::TokenVerdict verdict = identity::read_introspection(issuers, issuer, answer, now);
  if (!verdict.is_good()) {
    refuse(out, verdict.fault);
    return out;
  }
  out.story = fmt::format("what issuer \"{}\" says of an opaque token", issuers.issuers()[issuer].name());
  out.who = std::move(verdict.principal);
  return out;
}

}  // namespace

ShownCaller caller_by_token(const config::Settings& settings, const std::string& token, const std::string& jwks,
                            std::int64_t now) {
  if (identity::is_api_key(token)) return caller_by_api_key(settings, token, now);
  const bool asks = std::any_of(settings.issuers.begin(), settings.issuers.end(),
                                [](const config::Issuer& issuer) { return !issuer.introspection_url.empty(); });
  if (asks && identity::is_opaque(token)) return caller_by_opaque_token(settings);
  ShownCaller out;
  std::shared_ptr<const IssuerSet> issuers = make_issuers(settings);
  for (std::size_t i = 0; i < settings.issuers.size(); ++i) {
    config::Issuer issuer = settings.issuers[i];
    const bool has_file = !issuer.jwks_file.empty() || !issuer.pem_file.empty() || !issuer.secret_file.empty();
    if (!has_file) issuer.jwks_file = jwks;
    const auto keys = load_keys(issuer, out.error);
    if (!out.error.empty()) return out;
    if (keys) issuers = issuers->with_keys(i, keys);
  }
  identity::TokenVerdict verdict = identity::verify_token(*issuers, token, now);
  if (!verdict.is_good()) {
    refuse(out, verdict.fault);
    if (out.unavailable)
      out.fault += fmt::format("; issuer \"{}\" publishes them, which a running postern fetches: give them by --jwks",
                               settings.issuers[verdict.issuer].name);
    return out;
  }
  out.story = fmt::format("a token of issuer \"{}\", verified", verdict.principal.issuer_name);
  out.who = std::move(verdict.principal);
  return out;
}

ShownCaller caller_by_claims(const config::Settings& settings, const std::string& path, std::int64_t now) {
  ShownCaller out;
  const crypto::Loaded<std::string> text = crypto::read_small_file("claims", path);
  if (!text) {
    out.error = text.error;
    return out;
  }
  StrictJson json;
  if (const std::string_view wrong = json.parse_object(*text.value, {.depth = 16, .values = 4096}); !wrong.empty()) {
    out.error = fmt::format("{}: {}", path, wrong);
    return out;
  }
  const std::shared_ptr<const IssuerSet> issuers = make_issuers(settings);
  std::string_view iss, tid;
  const bool named = identity::find_text(json.root(), "iss", iss) == identity::Member::good;
  static_cast<void>(identity::find_text(json.root(), "tid", tid));
  std::optional<std::size_t> issuer = issuers->find(iss, tid);
  if (!named && settings.issuers.size() == 1) issuer = 0;  // there is no other one that could be meant
  if (!issuer) {
    refuse(out, named ? TokenFault::unknown_issuer : TokenFault::no_issuer);
    return out;
  }
  const identity::IssuerRules& rules = *issuers->issuers()[*issuer].rules;
  StrictJson::Element active;
  if (!rules.settings.introspection_url.empty() && identity::find_path(json.root(), "active", active))
    return caller_by_answer(*issuers, *issuer, *text.value, now);
  identity::TokenTimes times;
  TokenFault fault = identity::check_times(json.root(), rules, now, times);
  if (fault == TokenFault::no_expiry) fault = TokenFault::none;  // of claims somebody has written down for a trial
  StrictJson::Element audience;
  const bool has_audience = identity::find_path(json.root(), "aud", audience);
  if (fault == TokenFault::none && has_audience) fault = identity::check_audience(json.root(), rules);
  if (fault == TokenFault::none) fault = identity::check_party(json.root(), rules);
  Principal who;
  if (fault == TokenFault::none) fault = identity::make_principal(json.root(), rules, times, who);
  if (fault != TokenFault::none) {
    refuse(out, fault);
    return out;
  }
  out.story = fmt::format("claims of {}, taken as a token of issuer \"{}\"", path, rules.settings.name);
  out.who = std::move(who);
  return out;
}

}  // namespace postern::cli
