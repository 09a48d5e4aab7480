#include "crypto/ed25519.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <memory>
#include <stdexcept>
#include <utility>

#include "crypto/openssl_error.h"
#include "crypto/pem_file.h"
#include "crypto/sha256.h"

namespace postern::crypto {
namespace {

using DigestCtxPtr = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;

BioPtr reader(std::string_view pem) { return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); }

/// Keys behind a passphrase are refused instead of asked for at the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

Ed25519KeyId id_of(const EVP_PKEY* key) {
  std::array<unsigned char, 32> raw{};
  std::size_t size = raw.size();
  Sha256 digest{};
  if (EVP_PKEY_get_raw_public_key(key, raw.data(), &size) != 1 ||
      !sha256({reinterpret_cast<const char*>(raw.data()), size}, digest)) {
    throw std::runtime_error("cannot name a key: " + take_openssl_error());
  }
  constexpr char kHex[] = "0123456789abcdef";
  Ed25519KeyId id;
  for (std::size_t i = 0; i < digest.size() / 2; ++i) {
    id += kHex[digest[i] >> 4];
    id += kHex[digest[i] & 15];
  }
  return id;
}

template <auto Write>
std::string pem_of(const EVP_PKEY* key) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (!out || !Write(out.get(), key)) throw std::runtime_error("cannot write a key: " + take_openssl_error());
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

bool write_public(BIO* out, const EVP_PKEY* key) { return PEM_write_bio_PUBKEY(out, key) == 1; }
bool write_private(BIO* out, const EVP_PKEY* key) {
  return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
}

}  // namespace

Loaded<Ed25519PublicKey> Ed25519PublicKey::parse(std::string_view pem) {
  using Answer = Loaded<Ed25519PublicKey>;
  ERR_clear_error();
  const BioPtr in = reader(pem);
  PkeyPtr key(in ? PEM_read_bio_PUBKEY(in.get(), nullptr, no_passphrase, nullptr) : nullptr);
  if (!key) return Answer::failed("not a public key in PEM: " + take_openssl_error());
  if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) return Answer::failed("not an Ed25519 public key");
  Ed25519KeyId id = id_of(key.get());
  return Answer::ok(Ed25519PublicKey(std::move(key), std::move(id)));
}

bool Ed25519PublicKey::verify(std::string_view message, const Ed25519Signature& signature) const noexcept {
  const DigestCtxPtr context(EVP_MD_CTX_new());
  const bool is_good = context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
                       EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                        reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  ERR_clear_error();
  return is_good;
}

Loaded<Ed25519Key> Ed25519Key::parse(std::string_view pem) {
  using Answer = Loaded<Ed25519Key>;
  ERR_clear_error();
  const BioPtr in = reader(pem);
  PkeyPtr key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr) : nullptr);
  if (!key) return Answer::failed("not a private key in PEM: " + take_openssl_error());
  if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) return Answer::failed("not an Ed25519 key");
  Ed25519KeyId id = id_of(key.get());
  return Answer::ok(Ed25519Key(std::move(key), std::move(id)));
}

Loaded<Ed25519Key> Ed25519Key::load(const std::string& path) {
  const Loaded<SecretText> text = read_secret_file("key file", path);
  if (!text) return Loaded<Ed25519Key>::failed(text.error);
  Loaded<Ed25519Key> key = parse(text.value->reveal());
  if (!key) key.error = path + ": " + key.error;
  return key;
}

Ed25519Key Ed25519Key::make() {
  PkeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key) throw std::runtime_error("cannot make a key: " + take_openssl_error());
  Ed25519KeyId id = id_of(key.get());
  return {std::move(key), std::move(id)};
}

bool Ed25519Key::sign(std::string_view message, Ed25519Signature& out) const noexcept {
  const DigestCtxPtr context(EVP_MD_CTX_new());
  std::size_t size = out.size();
  const bool is_good = context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
                       EVP_DigestSign(context.get(), out.data(), &size,
                                      reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1 &&
                       size == out.size();
  ERR_clear_error();
  return is_good;
}

std::string Ed25519Key::public_bytes() const {
  std::string bytes(32, '\0');
  std::size_t size = bytes.size();
  if (EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size) != 1) return {};
  return bytes;
}

std::string Ed25519Key::public_pem() const { return pem_of<write_public>(key_.get()); }
std::string Ed25519Key::private_pem() const { return pem_of<write_private>(key_.get()); }

}  // namespace postern::crypto
