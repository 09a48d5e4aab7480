// The checks; who is calling is token_principal.cc's.
#include "identity/token_claims.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/base64url.h"

namespace postern::identity {
namespace {

namespace dom = simdjson::dom;
using Object = StrictJson::Object;

constexpr JsonLimits kLimits{.depth = 16, .values = 4096};

bool has(const Object& claims, std::string_view name) noexcept {
  dom::element element;
  return claims.at_key(name).get(element) == simdjson::SUCCESS;
}

bool is_listed(const std::vector<std::string>& list, std::string_view value) noexcept {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool says(const Object& claims, std::string_view name, std::string_view value) noexcept {
  std::string_view text;
  return find_text(claims, name, text) == Member::good && text == value;
}

enum class Audience : std::uint8_t { absent, wrong_kind, other, ours };

struct AudienceFound {
  Audience outcome = Audience::absent;
  std::size_t count = 0;
};

AudienceFound find_audience(const Object& claims, const std::vector<std::string>& wanted) noexcept {
  dom::element value;
  if (claims.at_key("aud").get(value) != simdjson::SUCCESS) return {};
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    return {!text.empty() && is_listed(wanted, text) ? Audience::ours : Audience::other, 1};
  }
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return {Audience::wrong_kind, 0};
  AudienceFound found{Audience::other, 0};
  for (const dom::element& element : list) {
    if (element.get(text) != simdjson::SUCCESS) return {Audience::wrong_kind, 0};
    ++found.count;
    if (!text.empty() && is_listed(wanted, text)) found.outcome = Audience::ours;
  }
  return found;
}

// Claims that only ID tokens have (OpenID Connect Core 2 and 3.1.3.6).
bool looks_like_id_token(const Object& claims) noexcept {
  return has(claims, "nonce") || has(claims, "at_hash") || has(claims, "c_hash");
}

bool is_type_listed(const TokenHeader& header, const IssuerRules& rules) noexcept {
  if (!rules.types.empty()) return is_listed(rules.types, header.type);
  constexpr std::array<std::string_view, 3> kAccess{"at+jwt", "jwt", ""};
  return std::find(kAccess.begin(), kAccess.end(), header.type) != kAccess.end();
}

bool fits_profile(const Object& claims, const IssuerRules& rules) noexcept {
  switch (rules.shape->profile) {
    case TokenProfile::plain:
    case TokenProfile::id_token:
    case TokenProfile::kubernetes:
      return true;
    case TokenProfile::okta:
      return has(claims, "cid");
    case TokenProfile::entra:
      return has(claims, "azp") || has(claims, "appid");
    case TokenProfile::keycloak:
      return !has(claims, "typ") || says(claims, "typ", "Bearer") || says(claims, "typ", "DPoP");
    case TokenProfile::cognito:
      return says(claims, "token_use", "access");
  }
  return false;
}

}  // namespace

TokenFault read_claims(std::string_view encoded, StrictJson& out) {
  if (!decode_base64url(encoded, out.reserve(base64url_decoded_size(encoded.size())))) return TokenFault::bad_encoding;
  return out.parse_object(kLimits).empty() ? TokenFault::none : TokenFault::bad_claims;
}

TokenFault check_times(const Object& claims, const IssuerRules& rules, std::int64_t now_s, TokenTimes& out,
                       Endless endless) {
  std::int64_t not_before = 0;
  const Member has_expires = find_time(claims, "exp", out.expires);
  if (has_expires == Member::absent && endless == Endless::refused) return TokenFault::no_expiry;
  const Member has_start = find_time(claims, "nbf", not_before);
  const Member has_issued = find_time(claims, "iat", out.issued);
  if (has_expires == Member::wrong || has_start == Member::wrong || has_issued == Member::wrong) {
    return TokenFault::bad_time;
  }
  if (has_expires == Member::good) {
    out.good_until = out.expires + rules.leeway_s;
    if (now_s >= out.good_until) return TokenFault::expired;
  }
  if (has_start == Member::good) out.good_from = not_before - rules.leeway_s;
  if (now_s < out.good_from) return TokenFault::not_yet_valid;
  if (has_issued == Member::good && out.issued > now_s + rules.leeway_s) return TokenFault::issued_in_future;
  const bool too_long =
      has_issued != Member::good || has_expires != Member::good || out.expires - out.issued > rules.max_lifetime_s;
  if (rules.max_lifetime_s != 0 && too_long) return TokenFault::lives_too_long;
  return TokenFault::none;
}

std::string_view client_of(const Object& claims, const IssuerRules& rules) noexcept {
  std::string_view text;
  for (const std::string_view name : rules.shape->client) {
    if (find_text(claims, name, text) == Member::good && !text.empty()) return text;
  }
  return {};
}

TokenFault check_audience(const Object& claims, const IssuerRules& rules) {
  const config::Issuer& settings = rules.settings;
  const AudienceFound found = find_audience(claims, settings.audiences);
  if (found.outcome == Audience::wrong_kind) return TokenFault::bad_claims;
  const std::string_view client = client_of(claims, rules);
  if (found.outcome == Audience::ours) {
    // An ID token for several parties says in `azp` whose it is (OpenID Connect Core 3.1.3.7).
    const bool shared = rules.shape->profile == TokenProfile::id_token && found.count > 1;
    const bool ours = is_listed(settings.audiences, client) || is_listed(settings.authorized_parties, client);
    return shared && !ours ? TokenFault::wrong_audience : TokenFault::none;
  }
  const AudiencePlace place = rules.shape->audience;
  const bool elsewhere = (place == AudiencePlace::client_id_if_absent && found.outcome == Audience::absent) ||
                         (place == AudiencePlace::azp_if_configured && is_listed(settings.authorized_parties, client));
  if (elsewhere && !client.empty() && is_listed(settings.audiences, client)) return TokenFault::none;
  return found.outcome == Audience::absent ? TokenFault::no_audience : TokenFault::wrong_audience;
}

TokenFault check_type(const Object& claims, const TokenHeader& header, const IssuerRules& rules) {
  if (!is_type_listed(header, rules) || !fits_profile(claims, rules)) return TokenFault::wrong_type;
  if (has(claims, "events")) return TokenFault::wrong_type;  // logout tokens and other security events (RFC 8417)
  if (rules.shape->profile == TokenProfile::id_token || header.type == "at+jwt") return TokenFault::none;
  const bool is_id = looks_like_id_token(claims) || says(claims, "token_use", "id") || says(claims, "typ", "ID");
  return is_id ? TokenFault::wrong_type : TokenFault::none;
}

TokenFault check_party(const Object& claims, const IssuerRules& rules) {
  const std::vector<std::string>& parties = rules.settings.authorized_parties;
  if (parties.empty()) return TokenFault::none;
  const std::string_view client = client_of(claims, rules);
  return !client.empty() && is_listed(parties, client) ? TokenFault::none : TokenFault::wrong_party;
}

}  // namespace postern::identity
