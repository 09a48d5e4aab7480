// SHA-256 again and again without looking the algorithm up each time: for chains of records. One thread at a time.
#pragma once

#include <openssl/types.h>

#include <string>
#include <string_view>

#include "crypto/sha256.h"

namespace postern::crypto {

/// 64 digits, lower case.
std::string to_hex(const Sha256& digest);

class Sha256Hasher {
 public:
  Sha256Hasher();  // throws std::runtime_error when the library has none
  ~Sha256Hasher();
  Sha256Hasher(const Sha256Hasher&) = delete;
  Sha256Hasher& operator=(const Sha256Hasher&) = delete;

  /// False: the library would not.
  bool hash(std::string_view bytes, Sha256& out) noexcept;

  /// The same in pieces.
  bool begin() noexcept;
  bool add(std::string_view bytes) noexcept;
  bool end(Sha256& out) noexcept;

 private:
  EVP_MD* const algorithm_;
  EVP_MD_CTX* const context_;
};

}  // namespace postern::crypto
