// A key that signatures are checked with: a public RSA, elliptic curve or Ed25519 key, or the secret of HS256. Its kind
// says which algorithms it is good for; a token cannot choose. Keys that are too weak or not on their curve do not come
// into being. Immutable and shared between cores; verify() holds no lock of ours. Not for signing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/loaded.h"
#include "crypto/openssl_ptr.h"
#include "crypto/secret_text.h"
#include "crypto/signature_algorithm.h"

namespace postern::crypto {

enum class KeyFamily : std::uint8_t { rsa, p256, p384, p521, ed25519, secret };

class VerifyKey {
 public:
  /// Big-endian numbers. Refused: fewer than 2048 or more than 8192 bits, an even modulus, an exponent that is even, 1,
  /// or longer than 64 bits, and moduli with the fingerprint of ROCA (CVE-2017-15361).
  static Loaded<VerifyKey> from_rsa(std::string_view modulus, std::string_view exponent);
  /// `family`: p256, p384 or p521; coordinates exactly as long as the field.
  static Loaded<VerifyKey> from_point(KeyFamily family, std::string_view x, std::string_view y);
  static Loaded<VerifyKey> from_ed25519(std::string_view x);
  /// 32 bytes or more.
  static Loaded<VerifyKey> from_secret(std::string_view secret);
  /// Every public key and certificate in the text. One that will not do makes all of it fail: an operator wrote it.
  static Loaded<std::vector<VerifyKey>> from_pem(std::string_view pem);

  [[nodiscard]] KeyFamily family() const noexcept { return family_; }
  /// Whether a signature of that algorithm could be this key's.
  [[nodiscard]] bool fits(SignatureAlgorithm algorithm) const noexcept;
  /// False as well where the algorithm does not fit. Elliptic curves: r and s one after the other, never DER.
  [[nodiscard]] bool verify(SignatureAlgorithm algorithm, std::string_view message,
                            std::string_view signature) const noexcept;

  /// RFC 7638 with SHA-256, base64url. For a secret: of the secret; not to be shown to anybody.
  [[nodiscard]] const std::string& thumbprint() const noexcept { return thumbprint_; }
  /// SHA-256 of the SubjectPublicKeyInfo, base64url: what Kubernetes calls a key. Empty for a secret.
  [[nodiscard]] const std::string& info_hash() const noexcept { return info_hash_; }

 private:
  VerifyKey(KeyFamily family, PkeyPtr key) noexcept : family_(family), key_(std::move(key)) {}
  static Loaded<VerifyKey> from_key(PkeyPtr key);
  bool verify_public(SignatureAlgorithm algorithm, std::string_view message, std::string_view signature) const noexcept;
  bool add_names();

  KeyFamily family_;
  PkeyPtr key_;        // null for a secret
  SecretText secret_;  // empty for the others
  std::string thumbprint_;
  std::string info_hash_;
};

}  // namespace postern::crypto
