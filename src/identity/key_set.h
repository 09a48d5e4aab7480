// The keys of one issuer: from a JSON Web Key Set, from PEM files, or the one secret of HS256. Immutable once made and
// shared between cores. One bad key does not spoil the set; keys that cannot be told apart by their `kid` are refused.
// The key decides which algorithm a signature may have: a token only says which one it claims.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/verify_key.h"

namespace postern::identity {

inline constexpr std::size_t kMostJwksBytes = 512 * 1024;
inline constexpr std::size_t kMostKeys = 64;
inline constexpr std::size_t kMostKidBytes = 256;

class KeySet {
 public:
  struct Key {
    crypto::VerifyKey key;
    std::optional<std::string> kid;                  // none: its hashes are its names (PEM)
    std::optional<crypto::SignatureAlgorithm> only;  // `alg`
    std::uint64_t id = 0;                            // the same for the same key in every set of this process

    [[nodiscard]] bool fits(crypto::SignatureAlgorithm algorithm) const noexcept {
      return key.fits(algorithm) && (!only || *only == algorithm);
    }
  };

  struct Made {
    std::shared_ptr<const KeySet> keys;  // null: see error
    std::string error;
    std::vector<std::string> skipped;  // keys that are not in it, and why
  };

  /// Good without a single key in it that is of use: that is what the issuer says. Secrets ("oct") are never taken from
  /// there: what has been published, or was meant to be, is none.
  static Made from_jwks(std::string_view json);
  static Made from_pem(std::string_view pem);
  static Made from_secret(std::string_view secret);

  enum class Lookup : std::uint8_t { found, unknown, ambiguous, refused };
  struct Found {
    Lookup outcome = Lookup::unknown;
    const Key* key = nullptr;
  };
  /// `kid` null: the token has none, and then exactly one key must fit.
  [[nodiscard]] Found find(const std::string_view* kid, crypto::SignatureAlgorithm algorithm) const noexcept;

  [[nodiscard]] bool has(std::uint64_t id) const noexcept;
  /// Whether a key of that name is among them, or was refused because there are several.
  [[nodiscard]] bool knows(std::string_view kid) const noexcept;
  [[nodiscard]] const std::vector<Key>& keys() const noexcept { return keys_; }
  [[nodiscard]] bool is_same(const KeySet& other) const noexcept;

 private:
  void add(crypto::VerifyKey key, std::optional<std::string> kid, std::optional<crypto::SignatureAlgorithm> only);
  void refuse_doubles(std::vector<std::string>& skipped);
  [[nodiscard]] const Key* find_named(std::string_view kid) const noexcept;

  std::vector<Key> keys_;
  std::vector<std::string> doubled_;  // `kid`s that stood twice
};

}  // namespace postern::identity
