// What the claims of a token say, by the rules of its issuer: when it is good, for whom, what kind it is, and who is
// calling. Each check is of its own, so that the verifier reads as the list that it is. The claims are not believed
// before the signature has been checked, except for finding the issuer. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "identity/compact_token.h"
#include "identity/issuer_set.h"
#include "identity/strict_json.h"
#include "identity/token_fault.h"
#include "postern/principal.h"

namespace postern::identity {

/// The second part of a token, decoded and parsed. What comes back is why it cannot be; none: `out` holds it.
TokenFault read_claims(std::string_view encoded, StrictJson& out);

struct TokenTimes {
  std::int64_t expires = 0;
  std::int64_t issued = 0;
  std::int64_t good_from = 0;   // leeway included
  std::int64_t good_until = 0;  // the same
};

/// Whether there may be no `exp`: a JWT without one would be good for ever, an introspection is asked again.
enum class Endless : bool { refused, allowed };

TokenFault check_times(const StrictJson::Object& claims, const IssuerRules& rules, std::int64_t now_s, TokenTimes& out,
                       Endless endless = Endless::refused);
TokenFault check_audience(const StrictJson::Object& claims, const IssuerRules& rules);
/// Whether this is the kind of token that opens doors.
TokenFault check_type(const StrictJson::Object& claims, const TokenHeader& header, const IssuerRules& rules);
TokenFault check_party(const StrictJson::Object& claims, const IssuerRules& rules);

/// Everything that is to be known about the caller.
TokenFault make_principal(const StrictJson::Object& claims, const IssuerRules& rules, const TokenTimes& times,
                          Principal& out);

/// The groups that a token had no room for have been found: these are all.
void complete_groups(const IssuerRules& rules, const std::vector<std::string>& groups, Principal& who);

/// `azp`, `client_id`..., wherever the issuer has it. Empty: not said.
std::string_view client_of(const StrictJson::Object& claims, const IssuerRules& rules) noexcept;

}  // namespace postern::identity
