#include "crypto/sha256.h"

#include <openssl/evp.h>

namespace postern::crypto {

bool sha256(std::string_view bytes, Sha256& out) noexcept {
  return EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_sha256(), nullptr) == 1;
}

}  // namespace postern::crypto
