// Makes a certificate that vouches for itself, for a first start on loopback and for tests. Never for production.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "crypto/certificate.h"
#include "crypto/loaded.h"
#include "crypto/secret_text.h"

namespace postern::crypto {

struct SelfSigned {
  std::string cert_pem;
  SecretText key_pem;
};

/// `names` are DNS names or IP addresses; the first is the common name. KeyType rsa (2048), ecdsa (P-256) or ed25519.
Loaded<SelfSigned> make_self_signed(const std::vector<std::string>& names, std::chrono::hours life,
                                    KeyType type = KeyType::ecdsa);

}  // namespace postern::crypto
