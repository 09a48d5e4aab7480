#include "crypto/weak_rsa.h"

#include <array>

namespace postern::crypto {
namespace {

constexpr int kLeastBits = 2048;
constexpr int kMostBits = 8192;  // a check takes 16 times as long as with 2048
constexpr int kMostExponentBits = 64;

// Primes of Infineon's keys (CVE-2017-15361) are k*M + 65537^a mod M, so the modulus is a power of 65537 modulo every
// small prime that divides M. These are the primes where that is not so for every number.
constexpr std::array<unsigned, 17> kTellTale{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157};

constexpr bool is_power_of_65537(unsigned value, unsigned prime) noexcept {
  unsigned power = 1;
  for (unsigned i = 0; i < prime; ++i) {
    if (power == value) return true;
    power = power * (65537 % prime) % prime;
  }
  return false;
}

bool has_roca_fingerprint(const BIGNUM* modulus) noexcept {
  for (const unsigned prime : kTellTale) {
    const BN_ULONG rest = BN_mod_word(modulus, prime);
    if (rest >= prime || !is_power_of_65537(static_cast<unsigned>(rest), prime)) return false;
  }
  return true;
}

}  // namespace

std::string_view rsa_weakness(const BIGNUM* modulus, const BIGNUM* exponent) noexcept {
  if (BN_num_bits(modulus) < kLeastBits) return "an RSA key of fewer than 2048 bits";
  if (BN_num_bits(modulus) > kMostBits) return "an RSA key of more than 8192 bits";
  if (!BN_is_odd(modulus)) return "an RSA key with an even modulus";
  if (!BN_is_odd(exponent) || BN_is_one(exponent)) return "an RSA key with an unsafe exponent";
  if (BN_num_bits(exponent) > kMostExponentBits) return "an RSA key with an exponent of more than 64 bits";
  if (has_roca_fingerprint(modulus)) return "an RSA key from a broken generator (ROCA)";
  return {};
}

}  // namespace postern::crypto
