// Checking signatures; verify_key_make.cc makes the keys.
#include "crypto/verify_key.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>

#include <array>

#include "crypto/ec_curve.h"
#include "crypto/hmac.h"

namespace postern::crypto {
namespace {

using SignaturePtr = std::unique_ptr<ECDSA_SIG, FreeWith<ECDSA_SIG_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;

// SEQUENCE and two INTEGERs of up to 66 bytes and a sign, with their lengths.
constexpr std::size_t kMostDer = 160;

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

const char* digest_of(SignatureAlgorithm algorithm) noexcept {
  switch (algorithm) {
    case SignatureAlgorithm::rs256:
    case SignatureAlgorithm::ps256:
    case SignatureAlgorithm::es256:
    case SignatureAlgorithm::hs256:
      return "SHA256";
    case SignatureAlgorithm::rs384:
    case SignatureAlgorithm::ps384:
    case SignatureAlgorithm::es384:
      return "SHA384";
    case SignatureAlgorithm::rs512:
    case SignatureAlgorithm::ps512:
    case SignatureAlgorithm::es512:
      return "SHA512";
    case SignatureAlgorithm::eddsa:
      break;
  }
  return nullptr;
}

bool is_pss(SignatureAlgorithm algorithm) noexcept {
  return algorithm == SignatureAlgorithm::ps256 || algorithm == SignatureAlgorithm::ps384 ||
         algorithm == SignatureAlgorithm::ps512;
}

// A number from 1 to the curve's order less 1. The order is compared as text of the same length.
bool is_in_range(std::string_view number, std::string_view order) noexcept {
  return number.find_first_not_of('\0') != std::string_view::npos && number < order;
}

/// The text of r and s as OpenSSL wants them. 0: no such signature.
std::size_t to_der(const EcCurve& curve, std::string_view signature,
                   std::array<unsigned char, kMostDer>& der) noexcept {
  if (signature.size() != 2 * curve.bytes) return 0;
  const std::string_view r_text = signature.substr(0, curve.bytes), s_text = signature.substr(curve.bytes);
  if (!is_in_range(r_text, curve.order) || !is_in_range(s_text, curve.order)) return 0;
  BignumPtr r(BN_bin2bn(bytes_of(r_text), static_cast<int>(r_text.size()), nullptr));
  BignumPtr s(BN_bin2bn(bytes_of(s_text), static_cast<int>(s_text.size()), nullptr));
  const SignaturePtr pair(ECDSA_SIG_new());
  if (!r || !s || !pair || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return 0;
  (void)r.release();
  (void)s.release();
  const int size = i2d_ECDSA_SIG(pair.get(), nullptr);
  if (size <= 0 || static_cast<std::size_t>(size) > der.size()) return 0;
  unsigned char* end = der.data();
  return static_cast<std::size_t>(i2d_ECDSA_SIG(pair.get(), &end));
}

}  // namespace

bool VerifyKey::fits(SignatureAlgorithm algorithm) const noexcept {
  switch (algorithm) {
    case SignatureAlgorithm::rs256:
    case SignatureAlgorithm::rs384:
    case SignatureAlgorithm::rs512:
    case SignatureAlgorithm::ps256:
    case SignatureAlgorithm::ps384:
    case SignatureAlgorithm::ps512:
      return family_ == KeyFamily::rsa;
    case SignatureAlgorithm::es256:
      return family_ == KeyFamily::p256;
    case SignatureAlgorithm::es384:
      return family_ == KeyFamily::p384;
    case SignatureAlgorithm::es512:
      return family_ == KeyFamily::p521;
    case SignatureAlgorithm::eddsa:
      return family_ == KeyFamily::ed25519;
    case SignatureAlgorithm::hs256:
      return family_ == KeyFamily::secret;
  }
  return false;
}

bool VerifyKey::verify(SignatureAlgorithm algorithm, std::string_view message,
                       std::string_view signature) const noexcept {
  if (!fits(algorithm)) return false;
  if (family_ == KeyFamily::secret) {
    Hmac expected;
    return hmac_sha256(secret_.reveal(), message, expected) &&
           equal_in_constant_time({reinterpret_cast<const char*>(expected.data()), expected.size()}, signature);
  }
  std::array<unsigned char, kMostDer> der;
  if (const EcCurve* curve = find_curve(family_)) {
    const std::size_t size = to_der(*curve, signature, der);
    if (size == 0) return false;
    signature = {reinterpret_cast<const char*>(der.data()), size};
  }
  const bool good = verify_public(algorithm, message, signature);
  // The queue is the thread's: what is left in it would be taken for a failure of some TLS connection.
  if (!good) ERR_clear_error();
  return good;
}

bool VerifyKey::verify_public(SignatureAlgorithm algorithm, std::string_view message,
                              std::string_view signature) const noexcept {
  if (family_ == KeyFamily::rsa && signature.size() != static_cast<std::size_t>(EVP_PKEY_get_size(key_.get()))) {
    return false;
  }
  const MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;  // the context owns it
  if (!context || EVP_DigestVerifyInit_ex(context.get(), &settings, digest_of(algorithm), nullptr, nullptr, key_.get(),
                                          nullptr) != 1) {
    return false;
  }
  if (is_pss(algorithm) && (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) != 1 ||
                            EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) != 1)) {
    return false;
  }
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) == 1;
}

}  // namespace postern::crypto
