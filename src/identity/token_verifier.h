// Verifies a compact JSON Web Token against a set of issuers: form first, then what costs little, then the signature,
// and only then is anything believed. A pure function of its arguments; any thread; never throws for what a token says.
// Knows no route: scopes, further audiences and policies are judged elsewhere, for each request anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "identity/issuer_set.h"
#include "identity/token_fault.h"
#include "postern/principal.h"

namespace postern::identity {

inline constexpr std::size_t kNoIssuer = static_cast<std::size_t>(-1);

struct TokenVerdict {
  TokenFault fault = TokenFault::none;
  /// Which of the set; kNoIssuer as long as nobody was found.
  std::size_t issuer = kNoIssuer;
  /// Whether a signature was checked: what a budget of bad signatures counts.
  bool signature_checked = false;
  /// After unknown_key: the name of the key that is missed; empty when the token names none.
  std::string kid;

  // Where there is no fault:
  Principal principal;
  std::uint64_t key_id = 0;     // for IssuerSet::has_key()
  std::int64_t good_from = 0;   // `nbf`, the leeway included; 0: no matter
  std::int64_t good_until = 0;  // `exp`, the leeway included: refused from that second on

  [[nodiscard]] bool is_good() const noexcept { return fault == TokenFault::none; }
};

TokenVerdict verify_token(const IssuerSet& issuers, std::string_view compact, std::int64_t now_s);

/// What the command line may leave open, where somebody looks at a token and lets nobody in.
struct Leniency {
  bool any_issuer = false;
  bool any_audience = false;
  bool any_payload = false;  // one that is no object is nobody's claims: then the signature is all there is to check
};
/// The same against one issuer.
TokenVerdict inspect_token(const TrustedIssuer& issuer, std::uint64_t max_token, Leniency leniency,
                           std::string_view compact, std::int64_t now_s);

}  // namespace postern::identity
