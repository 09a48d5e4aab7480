// What makes an RSA public key unfit for use. Start-up and refresh of keys only; any thread.
#pragma once

#include <openssl/bn.h>

#include <string_view>

namespace postern::crypto {

/// A few words on what is wrong with it; empty: nothing that can be seen from outside.
std::string_view rsa_weakness(const BIGNUM* modulus, const BIGNUM* exponent) noexcept;

}  // namespace postern::crypto
