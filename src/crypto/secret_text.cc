#include "crypto/secret_text.h"

#include <openssl/crypto.h>

namespace postern::crypto {

void SecretText::wipe() noexcept { OPENSSL_cleanse(text_.data(), text_.size()); }

}  // namespace postern::crypto
