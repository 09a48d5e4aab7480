#include "identity/introspection.h"

#include <algorithm>
#include <array>

#include "base/base64url.h"
#include "crypto/pem_file.h"
#include "http/field.h"
#include "identity/api_key.h"
#include "identity/key_file.h"
#include "identity/token_claims.h"
#include "identity/token_verifier.h"

namespace postern::identity {
namespace {

using Object = StrictJson::Object;
using Kind = IntrospectionAnswer::Kind;

constexpr JsonLimits kLimits{.depth = 16, .values = 4096};

std::string base64(std::string_view bytes) {
  std::string text = encode_base64url(bytes);
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

enum class Says : std::uint8_t { nothing, access, other };

/// The member as one of those words, in any case.
Says look_for(const Object& claims, std::string_view name, std::initializer_list<std::string_view> words) {
  std::string_view text;
  const Member member = find_text(claims, name, text);
  if (member == Member::absent) return Says::nothing;
  const bool is_one =
      std::any_of(words.begin(), words.end(), [text](std::string_view word) { return http::iequals(word, text); });
  return member == Member::good && is_one ? Says::access : Says::other;
}

/// Servers answer for refresh tokens as well, "active" and all, and for ID tokens. Some say so: in `token_type` (RFC
/// 7662), in `token_use` (Hydra, Cognito), or in the claim `typ` (Keycloak).
Says kind_of(const Object& claims) {
  const std::array<Says, 3> said{look_for(claims, "token_type", {"Bearer", "DPoP", "at+jwt"}),
                                 look_for(claims, "token_use", {"access", "access_token"}),
                                 look_for(claims, "typ", {"Bearer", "DPoP", "at+jwt", "JWT"})};
  if (std::find(said.begin(), said.end(), Says::other) != said.end()) return Says::other;
  return std::find(said.begin(), said.end(), Says::access) != said.end() ? Says::access : Says::nothing;
}

/// Whose it is: that issuer's, if it says so at all.
TokenFault check_issuer(const Object& claims, const IssuerSet& issuers, std::size_t issuer) {
  std::string_view iss, tid;
  const Member said = find_text(claims, "iss", iss);
  const bool may_be_silent = !issuers.issuers()[issuer].rules->has_tenant;
  if (said == Member::absent) return may_be_silent ? TokenFault::none : TokenFault::no_issuer;
  if (said == Member::wrong) return TokenFault::bad_claims;
  (void)find_text(claims, "tid", tid);
  return issuers.find(iss, tid) == issuer ? TokenFault::none : TokenFault::unknown_issuer;
}

TokenFault check_purpose(const Object& claims, const IssuerRules& rules) {
  const Says kind = kind_of(claims);
  if (kind == Says::other) return TokenFault::wrong_type;
  const TokenFault fault = check_audience(claims, rules);
  if (fault != TokenFault::no_audience || rules.settings.introspection_needs_audience) return fault;
  return kind == Says::access ? TokenFault::none : TokenFault::wrong_type;
}

TokenFault read(const IssuerSet& issuers, std::size_t issuer, const IntrospectionAnswer& answer, std::int64_t now_s,
                TokenVerdict& verdict) {
  const IssuerRules& rules = *issuers.issuers()[issuer].rules;
  StrictJson json;
  if (answer.body.size() > kMostIntrospectionBytes || !json.parse_object(answer.body, kLimits).empty())
    return TokenFault::bad_claims;
  const Object& claims = json.root();
  TokenTimes times;
  TokenFault fault = check_issuer(claims, issuers, issuer);
  if (fault == TokenFault::none) fault = check_times(claims, rules, now_s, times, Endless::allowed);
  if (fault == TokenFault::none) fault = check_purpose(claims, rules);
  if (fault == TokenFault::none) fault = check_party(claims, rules);
  if (fault == TokenFault::none) fault = make_principal(claims, rules, times, verdict.principal);
  if (fault != TokenFault::none) return fault;
  verdict.principal.credential = CredentialKind::opaque;
  if (verdict.principal.issuer.empty()) verdict.principal.issuer = rules.settings.url;
  verdict.good_from = times.good_from;
  verdict.good_until = answer.asked_at + rules.settings.introspection_ttl.count() / 1000;
  // Without the leeway: that one was its own clock's, and by then it can be asked again.
  if (times.expires != 0) verdict.good_until = std::min(verdict.good_until, times.expires);
  return TokenFault::none;
}

}  // namespace

bool is_opaque(std::string_view token) noexcept {
  if (is_api_key(token)) return false;
  const auto dots = std::count(token.begin(), token.end(), '.');
  if (dots != 2 && dots != 4) return true;
  // A JSON object in base64url: "{" comes out as an "e" and one of those that stand for 11 and four more bits.
  const char second = token.size() > 1 ? token[1] : '\0';
  const bool is_object = token.front() == 'e' && ((second >= 'w' && second <= 'z') ||
                                                  (second >= '0' && second <= '9') || second == '-' || second == '_');
  return !is_object;
}

void append_form_text(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '*';
    if (plain)
      out += c;
    else if (c == ' ')
      out += '+';
    else
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
}

crypto::SecretText introspection_question(std::string_view token) {
  crypto::SecretText text;
  text.buffer().reserve(token.size() * 3 + 64);  // never moves: no copy stays behind
  text.buffer() = "token_type_hint=access_token&token=";
  append_form_text(token, text.buffer());
  return text;
}

crypto::SecretText client_authorization(std::string_view client_id, std::string_view secret) {
  crypto::SecretText pair;
  pair.buffer().reserve((client_id.size() + secret.size()) * 3 + 1);
  append_form_text(client_id, pair.buffer());
  pair.buffer() += ':';
  append_form_text(secret, pair.buffer());
  crypto::SecretText text;
  const crypto::SecretText encoded(base64(pair.reveal()));
  text.buffer().append("Basic ").append(encoded.reveal());
  return text;
}

crypto::Loaded<crypto::SecretText> load_client_secret(const std::string& path) {
  using Loaded = crypto::Loaded<crypto::SecretText>;
  const crypto::Loaded<crypto::SecretText> text = crypto::read_secret_file("client secret", path);
  if (!text) return Loaded::failed(text.error);
  const std::string_view secret = secret_in(text.value->reveal());
  if (secret.empty() || secret.size() > 4096) return Loaded::failed(path + ": not a secret of 1 to 4096 bytes");
  return Loaded::ok(crypto::SecretText(secret));
}

Kind read_activity(std::string_view body) {
  if (body.size() > kMostIntrospectionBytes) return Kind::failed;
  StrictJson json;
  if (!json.parse_object(body, kLimits).empty()) return Kind::failed;
  bool active = false;
  if (json.root().at_key("active").get(active) != simdjson::SUCCESS) return Kind::failed;
  return active ? Kind::active : Kind::inactive;
}

TokenVerdict read_introspection(const IssuerSet& issuers, std::size_t issuer, const IntrospectionAnswer& answer,
                                std::int64_t now_s) {
  TokenVerdict verdict;
  verdict.issuer = issuer;
  verdict.fault = read(issuers, issuer, answer, now_s, verdict);
  if (!verdict.is_good()) verdict.principal = {};
  return verdict;
}

}  // namespace postern::identity
