#include "crypto/sha1.h"

#include <openssl/evp.h>

namespace postern::crypto {

bool sha1(std::span<const char> bytes, Sha1& out) noexcept {
  return EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_sha1(), nullptr) == 1;
}

}  // namespace postern::crypto
