// Making keys for checking signatures: from the members of JSON Web Keys, from PEM, from a secret.
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <array>

#include "base/base64url.h"
#include "crypto/ec_curve.h"
#include "crypto/openssl_error.h"
#include "crypto/sha256.h"
#include "crypto/verify_key.h"
#include "crypto/weak_rsa.h"

namespace postern::crypto {
namespace {

using BignumPtr = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;
using ParamBuildPtr = std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, FreeWith<OSSL_PARAM_free>>;

constexpr std::size_t kLeastSecret = 32;
constexpr std::size_t kEd25519Bytes = 32;
constexpr std::size_t kMostNumber = 2048;  // bytes: far beyond what rsa_weakness() lets pass

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

BignumPtr to_number(std::string_view bytes) {
  return BignumPtr(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

std::string to_text(const BIGNUM* number, std::size_t size) {
  std::string bytes(size, '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size));
  return encode_base64url(bytes);
}

BignumPtr number_of(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return nullptr;
  return BignumPtr(number);
}

PkeyPtr from_params(const char* type, OSSL_PARAM_BLD* build) {
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(build));
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params && context && EVP_PKEY_fromdata_init(context.get()) == 1) {
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
  }
  return PkeyPtr(key);
}

std::string_view group_of(const EVP_PKEY* key, std::array<char, 64>& name) {
  std::size_t size = 0;
  if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name.data(), name.size(), &size) != 1) return {};
  return {name.data(), size};
}

bool is_on_curve(EVP_PKEY* key) {
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return context && EVP_PKEY_public_check(context.get()) == 1;
}

/// The required members in order, as RFC 7638 hashes them.
std::string canonical_jwk(const EVP_PKEY* key, KeyFamily family) {
  if (family == KeyFamily::rsa) {
    const BignumPtr n = number_of(key, OSSL_PKEY_PARAM_RSA_N), e = number_of(key, OSSL_PKEY_PARAM_RSA_E);
    if (!n || !e) return {};
    const auto size = [](const BignumPtr& number) { return static_cast<std::size_t>(BN_num_bytes(number.get())); };
    return R"({"e":")" + to_text(e.get(), size(e)) + R"(","kty":"RSA","n":")" + to_text(n.get(), size(n)) + R"("})";
  }
  if (const EcCurve* curve = find_curve(family)) {
    const BignumPtr x = number_of(key, OSSL_PKEY_PARAM_EC_PUB_X), y = number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y);
    if (!x || !y) return {};
    return R"({"crv":")" + std::string(curve->crv) + R"(","kty":"EC","x":")" + to_text(x.get(), curve->bytes) +
           R"(","y":")" + to_text(y.get(), curve->bytes) + R"("})";
  }
  std::string x(kEd25519Bytes, '\0');
  std::size_t size = x.size();
  if (EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(x.data()), &size) != 1) return {};
  return R"({"crv":"Ed25519","kty":"OKP","x":")" + encode_base64url(x) + R"("})";
}

std::string hash_of(std::string_view bytes) {
  Sha256 hash;
  if (!sha256(bytes, hash)) return {};
  return encode_base64url({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

std::string info_hash_of(const EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return {};
  std::string hash = hash_of({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return hash;
}

/// What stands in one PEM block; null when it is nothing that holds a public key.
PkeyPtr key_in(std::string_view name, const unsigned char* bytes, long size) {
  if (name == PEM_STRING_PUBLIC) return PkeyPtr(d2i_PUBKEY(nullptr, &bytes, size));
  if (name == PEM_STRING_RSA_PUBLIC) return PkeyPtr(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &bytes, size));
  if (name != PEM_STRING_X509 && name != PEM_STRING_X509_OLD) return nullptr;
  const X509Ptr certificate(d2i_X509(nullptr, &bytes, size));
  return PkeyPtr(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
}

struct PemBlock {
  PemBlock() = default;
  PemBlock(const PemBlock&) = delete;
  PemBlock& operator=(const PemBlock&) = delete;
  ~PemBlock() {
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(bytes, static_cast<std::size_t>(size));  // it might have been a private key
  }
  bool read(BIO* from) { return PEM_read_bio(from, &name, &header, &bytes, &size) == 1; }

  char* name = nullptr;
  char* header = nullptr;
  unsigned char* bytes = nullptr;
  long size = 0;
};

/// Leaves no errors behind in the thread's queue, whatever happens.
struct ErrorsCleared {
  ~ErrorsCleared() { ERR_clear_error(); }
};

}  // namespace

bool VerifyKey::add_names() {
  const std::string jwk = canonical_jwk(key_.get(), family_);
  if (jwk.empty()) return false;
  thumbprint_ = hash_of(jwk);
  info_hash_ = info_hash_of(key_.get());
  return !thumbprint_.empty() && !info_hash_.empty();
}

Loaded<VerifyKey> VerifyKey::from_key(PkeyPtr key) {
  const ErrorsCleared cleared;
  const auto refused = [](std::string_view why) { return Loaded<VerifyKey>::failed(std::string(why)); };
  if (!key) return refused("not a key");
  KeyFamily family = KeyFamily::ed25519;
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA) {
    family = KeyFamily::rsa;
    const BignumPtr n = number_of(key.get(), OSSL_PKEY_PARAM_RSA_N), e = number_of(key.get(), OSSL_PKEY_PARAM_RSA_E);
    if (!n || !e) return refused("not an RSA key");
    const std::string_view weakness = rsa_weakness(n.get(), e.get());
    if (!weakness.empty()) return refused(weakness);
  } else if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC) {
    std::array<char, 64> name{};
    const EcCurve* curve = find_curve(group_of(key.get(), name));
    if (curve == nullptr) return refused("a key on a curve that is not supported");
    if (!is_on_curve(key.get())) return refused("a point that is not on its curve");
    family = curve->family;
  } else if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
    return refused("a key of a kind that is not supported");
  }
  VerifyKey made(family, std::move(key));
  if (!made.add_names()) return refused("a key that cannot be written down");
  return Loaded<VerifyKey>::ok(std::move(made));
}

Loaded<VerifyKey> VerifyKey::from_rsa(std::string_view modulus, std::string_view exponent) {
  const ErrorsCleared cleared;
  if (modulus.size() > kMostNumber || exponent.size() > kMostNumber) {
    return Loaded<VerifyKey>::failed("an RSA key of more than 8192 bits");
  }
  // Looked at before the library builds anything of them.
  const BignumPtr n = to_number(modulus), e = to_number(exponent);
  if (!n || !e) return Loaded<VerifyKey>::failed("not an RSA key");
  const std::string_view weakness = rsa_weakness(n.get(), e.get());
  if (!weakness.empty()) return Loaded<VerifyKey>::failed(std::string(weakness));
  const ParamBuildPtr build(OSSL_PARAM_BLD_new());
  if (!build || OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return Loaded<VerifyKey>::failed("not an RSA key");
  }
  return from_key(from_params("RSA", build.get()));
}

Loaded<VerifyKey> VerifyKey::from_point(KeyFamily family, std::string_view x, std::string_view y) {
  const ErrorsCleared cleared;
  const EcCurve* curve = find_curve(family);
  if (curve == nullptr) return Loaded<VerifyKey>::failed("a key on a curve that is not supported");
  if (x.size() != curve->bytes || y.size() != curve->bytes) {
    return Loaded<VerifyKey>::failed("coordinates that are not as long as the curve wants them");
  }
  const std::string point = '\x04' + std::string(x) + std::string(y);
  const ParamBuildPtr build(OSSL_PARAM_BLD_new());
  if (!build || OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return Loaded<VerifyKey>::failed("not a key");
  }
  PkeyPtr key = from_params("EC", build.get());
  if (!key) return Loaded<VerifyKey>::failed("a point that is not on its curve");
  return from_key(std::move(key));
}

Loaded<VerifyKey> VerifyKey::from_ed25519(std::string_view x) {
  const ErrorsCleared cleared;
  if (x.size() != kEd25519Bytes) return Loaded<VerifyKey>::failed("an Ed25519 key that is not 32 bytes long");
  return from_key(PkeyPtr(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size())));
}

Loaded<VerifyKey> VerifyKey::from_secret(std::string_view secret) {
  if (secret.size() < kLeastSecret) return Loaded<VerifyKey>::failed("a secret of fewer than 32 bytes");
  VerifyKey made(KeyFamily::secret, nullptr);
  made.secret_ = SecretText(secret);
  made.thumbprint_ = hash_of(secret);
  return Loaded<VerifyKey>::ok(std::move(made));
}

Loaded<std::vector<VerifyKey>> VerifyKey::from_pem(std::string_view pem) {
  const ErrorsCleared cleared;
  using Keys = std::vector<VerifyKey>;
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Keys keys;
  for (;;) {
    PemBlock block;
    ERR_clear_error();
    if (!bio || !block.read(bio.get())) break;
    PkeyPtr key = key_in(block.name, block.bytes, block.size);
    if (!key) {
      return Loaded<Keys>::failed("\"" + std::string(block.name) + "\" is not a public key or a certificate");
    }
    Loaded<VerifyKey> made = from_key(std::move(key));
    if (!made) return Loaded<Keys>::failed(std::move(made.error));
    keys.push_back(std::move(*made.value));
  }
  const unsigned long error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
    return Loaded<Keys>::failed("broken PEM: " + take_openssl_error());
  }
  if (keys.empty()) return Loaded<Keys>::failed("no public key and no certificate (PEM is expected)");
  return Loaded<Keys>::ok(std::move(keys));
}

}  // namespace postern::crypto
