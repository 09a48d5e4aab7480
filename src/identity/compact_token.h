// The outer form of a JSON Web Token: three parts of base64url with two dots between them, and a header that may ask
// for nothing. Looked at before any cryptography, in time that does not depend on how much somebody has sent. Any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/signature_algorithm.h"
#include "identity/token_fault.h"

namespace postern::identity {

inline constexpr std::size_t kMostHeaderBytes = 1024;

/// Views into the token.
struct CompactToken {
  TokenFault fault = TokenFault::none;
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_part;  // header, dot, payload
};

CompactToken split_token(std::string_view compact, std::size_t most_bytes) noexcept;

struct TokenHeader {
  TokenFault fault = TokenFault::none;
  crypto::SignatureAlgorithm algorithm = crypto::SignatureAlgorithm::rs256;
  std::optional<std::string> kid;
  std::string type;  // `typ` in lower case, without "application/"; empty: not said
};

/// `encoded`: the first part. What names or brings keys (jku, x5u, jwk, x5c) is not looked at.
TokenHeader read_header(std::string_view encoded);

/// A media type as `typ` may have it, made comparable.
std::string comparable_type(std::string_view type);

}  // namespace postern::identity
