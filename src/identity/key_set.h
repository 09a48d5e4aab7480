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
    std::vector<std::string> kids;                   // none: it has no name; PEM: by its hashes
    std::optional<crypto::SignatureAlgorithm> only;  // `alg`
    std::uint64_t id = 0;                            // the same for the same key in every set of this process
  };

  struct Made {
    std::shared_ptr<const KeySet> keys;  // null: see error
    std::string error;
    std::vector<std::string> skipped;  // keys that are not in it, and why
  };

  enum class Secrets : bool { refused, alone };  // `alone`: as HS256 secrets, in a set that has nothing else

  /// Good without a single key in it that is of use: that is what the issuer says.
  static Made from_jwks(std::string_view json, Secrets secrets = Secrets::refused);
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
  [[nodiscard]] const std::vector<Key>& keys() const noexcept { return keys_; }
  [[nodiscard]] bool is_same(const KeySet& other) const noexcept;

 private:
  bool add(Key key);
  void refuse_doubles(std::vector<std::string>& skipped);

  std::vector<Key> keys_;
  std::vector<std::string> doubled_;  // `kid`s that stood twice
};

}  // namespace postern::identity
