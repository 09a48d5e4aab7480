// Why a token is not believed: a reason for logs and metrics, and the class that decides what the caller is told.
// Values; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::identity {

enum class TokenFault : std::uint8_t {
  none,
  too_large,
  not_compact,
  encrypted,
  bad_encoding,
  bad_header,
  bad_kid,
  critical_header,
  unencoded_payload,
  no_algorithm,
  algorithm_refused,
  bad_claims,
  no_issuer,
  unknown_issuer,
  no_expiry,
  bad_time,
  expired,
  not_yet_valid,
  issued_in_future,
  lives_too_long,
  keys_unavailable,
  unknown_key,
  ambiguous_key,
  key_refused,
  bad_signature,
  no_audience,
  wrong_audience,
  wrong_type,
  wrong_party,
  no_subject,
  bad_binding,
};

enum class FaultClass : std::uint8_t {
  none,
  malformed,         // no token at all, or one that breaks the rules of its form
  invalid,           // a token that is not good
  expired,           // one that was, or will be
  unknown_issuer,    // nobody whom we know has made it
  unknown_key,       // its issuer may have a new key: ask, then look again
  wrong_audience,    // good, but for somebody else
  wrong_type,        // good for something else: an ID token, a logout token, a proof
  keys_unavailable,  // we cannot tell: 503
};

struct FaultText {
  std::string_view name;  // for metrics and audit: never changes
  std::string_view text;  // for people
  FaultClass kind;
};

const FaultText& describe(TokenFault fault) noexcept;
inline std::string_view to_string(TokenFault fault) noexcept { return describe(fault).name; }
inline FaultClass class_of(TokenFault fault) noexcept { return describe(fault).kind; }

}  // namespace postern::identity
