#include "crypto/random_bytes.h"

#include <openssl/rand.h>

namespace postern::crypto {

bool fill_random(std::span<unsigned char> out) noexcept {
  return RAND_priv_bytes(out.data(), static_cast<int>(out.size())) == 1;
}

}  // namespace postern::crypto
