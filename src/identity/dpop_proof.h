// DPoP (RFC 9449), as a resource server sees it: does who sends this token have the key that it is bound to? A pure
// function of the request's facts and the clock; any thread. To be asked for every request, token cache or not. Does
// not look for headers: that there is exactly one DPoP header is the caller's to see, and that a bound token does not
// come as Bearer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/head.h"
#include "http/uri.h"
#include "identity/dpop_nonce.h"

namespace postern::identity {

enum class DpopFault : std::uint8_t {
  none,
  missing,       // no DPoP header, or several
  malformed,     // no JWT, or not of the type dpop+jwt
  algorithm,     // not one of those that we tell in `algs`
  bad_key,       // no public key in it, or a private one, or a weak one
  key_mismatch,  // a proof, but by another key than the token's
  bad_claims,    // jti, htm, htu, iat or ath are missing or no such thing
  wrong_method,  // htm
  wrong_url,     // htu
  wrong_token,   // ath
  stale,         // iat, where there are no nonces
  needs_nonce,   // nonce is missing, or too old, or not ours
  bad_signature
};
std::string_view to_string(DpopFault fault) noexcept;

struct DpopRequest {
  std::string_view proof;         // the header's value
  std::string_view access_token;  // the whole text
  std::string_view thumbprint;    // Principal::bound_key
  std::string_view method;
  // As the client sees it, which is what its proof names.
  http::Scheme scheme = http::Scheme::https;
  std::string_view authority;  // host[:port]
  std::string_view path;       // normalised, without the query
  http::UriPolicy uri_policy;  // by which it was
  std::int64_t now = 0;        // seconds since 1970
};

struct DpopVerdict {
  DpopFault fault = DpopFault::none;
  bool signature_checked = false;  // for the budget of failures
  bool renew_nonce = false;        // good, but send DPoP-Nonce with the answer

  [[nodiscard]] bool is_good() const noexcept { return fault == DpopFault::none; }
};

inline constexpr std::size_t kMostDpopProof = 8 * 1024;
inline constexpr std::int64_t kDpopWindow = 60;  // seconds, either way

/// `nonces` nullptr: none are asked for, `iat` must be within kDpopWindow, and nobody notices a proof that comes again.
DpopVerdict check_dpop(const DpopRequest& request, const DpopNonces* nonces);

/// The value of WWW-Authenticate for a 401 that says so. With needs_nonce the answer has DPoP-Nonce as well.
std::string dpop_challenge(DpopFault fault, std::string_view realm);

}  // namespace postern::identity
