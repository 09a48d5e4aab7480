#include "unit/identity/token_support.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdexcept>

#include "base/base64url.h"
#include "crypto/hmac.h"

namespace postern::test {
namespace {

using crypto::FreeWith;
using crypto::KeyFamily;
using crypto::SignatureAlgorithm;
using SignaturePtr = std::unique_ptr<ECDSA_SIG, FreeWith<ECDSA_SIG_free>>;

void need(bool good) {
  if (!good) throw std::runtime_error("a key of the tests cannot be used");
}

EVP_PKEY* make_key(KeyFamily family, unsigned rsa_bits) {
  switch (family) {
    case KeyFamily::rsa:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{rsa_bits});
    case KeyFamily::p256:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    case KeyFamily::p384:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384");
    case KeyFamily::p521:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-521");
    default:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
}

std::size_t coordinate(KeyFamily family) {
  return family == KeyFamily::p256 ? 32 : family == KeyFamily::p384 ? 48 : 66;
}

const char* digest_of(SignatureAlgorithm algorithm) {
  if (algorithm == SignatureAlgorithm::eddsa) return nullptr;
  const std::string_view name = to_string(algorithm);
  return name.ends_with("256") ? "SHA256" : name.ends_with("384") ? "SHA384" : "SHA512";
}

std::string number(const EVP_PKEY* key, const char* name, std::size_t size = 0) {
  BIGNUM* value = nullptr;
  need(EVP_PKEY_get_bn_param(key, name, &value) == 1);
  if (size == 0) size = static_cast<std::size_t>(BN_num_bytes(value));
  std::string bytes(size, '\0');
  need(BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) >= 0);
  BN_free(value);
  return encode_base64url(bytes);
}

std::string text_of(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

SigningKey::SigningKey(KeyFamily family, unsigned rsa_bits) : family_(family), key_(make_key(family, rsa_bits)) {
  need(key_ != nullptr);
}

const SigningKey& SigningKey::rsa() {
  static const SigningKey key(KeyFamily::rsa);
  return key;
}
const SigningKey& SigningKey::other_rsa() {
  static const SigningKey key(KeyFamily::rsa);
  return key;
}
const SigningKey& SigningKey::p256() {
  static const SigningKey key(KeyFamily::p256);
  return key;
}
const SigningKey& SigningKey::p384() {
  static const SigningKey key(KeyFamily::p384);
  return key;
}
const SigningKey& SigningKey::p521() {
  static const SigningKey key(KeyFamily::p521);
  return key;
}
const SigningKey& SigningKey::ed25519() {
  static const SigningKey key(KeyFamily::ed25519);
  return key;
}

const SigningKey& SigningKey::of(KeyFamily family) {
  switch (family) {
    case KeyFamily::rsa:
      return rsa();
    case KeyFamily::p256:
      return p256();
    case KeyFamily::p384:
      return p384();
    case KeyFamily::p521:
      return p521();
    default:
      return ed25519();
  }
}

std::string SigningKey::sign(SignatureAlgorithm algorithm, std::string_view message) const {
  const crypto::MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;
  need(EVP_DigestSignInit_ex(context.get(), &settings, digest_of(algorithm), nullptr, nullptr, key_.get(), nullptr) ==
       1);
  if (to_string(algorithm).starts_with("PS")) {
    need(EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1);
    need(EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  std::size_t size = 0;
  need(EVP_DigestSign(context.get(), nullptr, &size, bytes, message.size()) == 1);
  std::string signature(size, '\0');
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  need(EVP_DigestSign(context.get(), out, &size, bytes, message.size()) == 1);
  signature.resize(size);
  if (!to_string(algorithm).starts_with("ES")) return signature;
  const unsigned char* der = out;
  const SignaturePtr pair(d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size)));
  const int part = static_cast<int>(coordinate(family_));
  std::string both(2 * coordinate(family_), '\0');
  need(BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), reinterpret_cast<unsigned char*>(both.data()), part) == part);
  need(BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), reinterpret_cast<unsigned char*>(both.data()) + part, part) == part);
  return both;
}

std::string SigningKey::jwk(std::string_view more) const {
  std::string members;
  if (family_ == KeyFamily::rsa) {
    members = R"("kty":"RSA","n":")" + number(key_.get(), OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
              number(key_.get(), OSSL_PKEY_PARAM_RSA_E) + '"';
  } else if (family_ == KeyFamily::ed25519) {
    std::string x(32, '\0');
    std::size_t size = x.size();
    need(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(x.data()), &size) == 1);
    members = R"("kty":"OKP","crv":"Ed25519","x":")" + encode_base64url(x) + '"';
  } else {
    const char* curve = family_ == KeyFamily::p256 ? "P-256" : family_ == KeyFamily::p384 ? "P-384" : "P-521";
    members = R"("kty":"EC","crv":")" + std::string(curve) + R"(","x":")" +
              number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, coordinate(family_)) + R"(","y":")" +
              number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, coordinate(family_)) + '"';
  }
  return '{' + members + std::string(more) + '}';
}

std::string SigningKey::pem() const {
  const crypto::BioPtr bio(BIO_new(BIO_s_mem()));
  need(PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1);
  return text_of(bio.get());
}

std::string SigningKey::private_pem() const {
  const crypto::BioPtr bio(BIO_new(BIO_s_mem()));
  need(PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return text_of(bio.get());
}

std::string to_der_signature(std::string_view both) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(both.data());
  const int part = static_cast<int>(both.size() / 2);
  const SignaturePtr pair(ECDSA_SIG_new());
  need(ECDSA_SIG_set0(pair.get(), BN_bin2bn(bytes, part, nullptr), BN_bin2bn(bytes + part, part, nullptr)) == 1);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

std::string hmac(std::string_view secret, std::string_view message) {
  crypto::Hmac out;
  need(crypto::hmac_sha256(secret, message, out));
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

std::string signing_input(std::string_view header, std::string_view payload) {
  return encode_base64url(header) + '.' + encode_base64url(payload);
}

std::string make_token(const SigningKey& key, SignatureAlgorithm algorithm, std::string_view header,
                       std::string_view payload) {
  const std::string input = signing_input(header, payload);
  return input + '.' + encode_base64url(key.sign(algorithm, input));
}

std::string make_token(std::string_view payload) {
  return make_token(SigningKey::rsa(), SignatureAlgorithm::rs256, R"({"alg":"RS256","kid":"k"})", payload);
}

config::Issuer plain_issuer() {
  config::Issuer issuer;
  issuer.name = "corp";
  issuer.url = "https://a.example";
  issuer.audiences = {"api"};
  issuer.leeway = std::chrono::seconds(30);
  return issuer;
}

std::shared_ptr<const identity::IssuerSet> one_issuer(const config::Issuer& issuer,
                                                      std::shared_ptr<const identity::KeySet> keys,
                                                      const std::vector<config::RoleMapping>& mappings) {
  return identity::IssuerSet::make({issuer}, mappings, 16 * 1024)->with_keys(0, std::move(keys));
}

std::shared_ptr<const identity::KeySet> rsa_keys() { return keys_of(jwks({SigningKey::rsa().jwk(R"(,"kid":"k")")})); }

std::string jwks(std::initializer_list<std::string> keys) {
  std::string text = R"({"keys":[)";
  for (const std::string& key : keys) text += (text.back() == '[' ? "" : ",") + key;
  return text + "]}";
}

std::shared_ptr<const identity::KeySet> keys_of(const std::string& text) {
  identity::KeySet::Made made = identity::KeySet::from_jwks(text);
  if (!made.keys) throw std::runtime_error(made.error);
  return made.keys;
}

}  // namespace postern::test
