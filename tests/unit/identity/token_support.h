// Tokens for tests: keys that can sign, and the JSON that says so.
#pragma once

#include <string>
#include <string_view>

#include "crypto/openssl_ptr.h"
#include "crypto/verify_key.h"
#include "identity/token_verifier.h"

namespace postern::test {

/// A private key. rsa() and the others give one each, made once.
class SigningKey {
 public:
  explicit SigningKey(crypto::KeyFamily family, unsigned rsa_bits = 2048);
  static const SigningKey& rsa();
  static const SigningKey& other_rsa();
  static const SigningKey& p256();
  static const SigningKey& p384();
  static const SigningKey& p521();
  static const SigningKey& ed25519();
  static const SigningKey& of(crypto::KeyFamily family);

  /// As JSON Web Signatures have it: r and s for elliptic curves.
  std::string sign(crypto::SignatureAlgorithm algorithm, std::string_view message) const;
  /// Its public half; `more`: further members, `,"kid":"a"`.
  std::string jwk(std::string_view more = {}) const;
  std::string pem() const;
  std::string private_pem() const;
  EVP_PKEY* get() const { return key_.get(); }

 private:
  crypto::KeyFamily family_;
  crypto::PkeyPtr key_;
};

/// A signature of r and s as ASN.1 has it.
std::string to_der_signature(std::string_view r_and_s);

std::string hmac(std::string_view secret, std::string_view message);

/// header.payload, encoded.
std::string signing_input(std::string_view header, std::string_view payload);
std::string make_token(const SigningKey& key, crypto::SignatureAlgorithm algorithm, std::string_view header,
                       std::string_view payload);
/// RS256 of SigningKey::rsa() with kid "k".
std::string make_token(std::string_view payload);

inline constexpr std::int64_t kNow = 1'700'000'000;

/// "https://a.example", for audience "api", with the keys that are given; leeway 30 s.
config::Issuer plain_issuer();
std::shared_ptr<const identity::IssuerSet> one_issuer(const config::Issuer& issuer,
                                                      std::shared_ptr<const identity::KeySet> keys,
                                                      const std::vector<config::RoleMapping>& mappings = {});
/// The key of make_token(payload).
std::shared_ptr<const identity::KeySet> rsa_keys();
std::string jwks(std::initializer_list<std::string> keys);
std::shared_ptr<const identity::KeySet> keys_of(const std::string& jwks);

}  // namespace postern::test
