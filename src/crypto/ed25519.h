// Ed25519 for what we sign ourselves: checkpoints of the audit trail. Keys come from PEM (PKCS #8,
// SubjectPublicKeyInfo). A key may be used by one thread at a time; loading is for start-up and reload.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "crypto/loaded.h"
#include "crypto/openssl_ptr.h"

namespace postern::crypto {

using Ed25519Signature = std::array<unsigned char, 64>;

/// The first half of the SHA-256 of the public key's 32 bytes, as hex: names a key, proves nothing.
using Ed25519KeyId = std::string;

class Ed25519PublicKey {
 public:
  /// "not an Ed25519 public key", where it is another one. A private key's PEM is not taken: nobody should hand it on.
  static Loaded<Ed25519PublicKey> parse(std::string_view pem);

  [[nodiscard]] bool verify(std::string_view message, const Ed25519Signature& signature) const noexcept;
  [[nodiscard]] const Ed25519KeyId& id() const noexcept { return id_; }

 private:
  friend class Ed25519Key;
  Ed25519PublicKey(PkeyPtr key, Ed25519KeyId id) noexcept : key_(std::move(key)), id_(std::move(id)) {}
  PkeyPtr key_;
  Ed25519KeyId id_;
};

class Ed25519Key {
 public:
  static Loaded<Ed25519Key> parse(std::string_view pem);
  /// parse() of a file.
  static Loaded<Ed25519Key> load(const std::string& path);
  /// A new one; throws std::runtime_error when there is no randomness.
  static Ed25519Key make();

  /// False: the library would not.
  [[nodiscard]] bool sign(std::string_view message, Ed25519Signature& out) const noexcept;
  [[nodiscard]] const Ed25519KeyId& id() const noexcept { return id_; }
  [[nodiscard]] std::string public_pem() const;
  /// The 32 bytes themselves.
  [[nodiscard]] std::string public_bytes() const;
  [[nodiscard]] std::string private_pem() const;

 private:
  Ed25519Key(PkeyPtr key, Ed25519KeyId id) noexcept : key_(std::move(key)), id_(std::move(id)) {}
  PkeyPtr key_;
  Ed25519KeyId id_;
};

}  // namespace postern::crypto
