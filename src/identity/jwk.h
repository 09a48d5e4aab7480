// One JSON Web Key (RFC 7517) as a key that signatures are checked with. Everything in it that would lead elsewhere
// (x5u) or says the same twice (x5c) is ignored, and so is a private part. Any thread.
#pragma once

#include <optional>
#include <string>

#include "crypto/verify_key.h"
#include "identity/strict_json.h"

namespace postern::identity {

struct Jwk {
  std::optional<crypto::VerifyKey> key;
  std::string error;               // where there is no key
  std::optional<std::string> kid;  // told even without a key, as far as it can be
  std::optional<crypto::SignatureAlgorithm> only;
};

Jwk parse_jwk(const StrictJson::Object& members);

}  // namespace postern::identity
