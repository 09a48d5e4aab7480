#include "crypto/sha256_hasher.h"

#include <openssl/evp.h>

#include <stdexcept>

namespace postern::crypto {

std::string to_hex(const Sha256& digest) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const unsigned char byte : digest) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

Sha256Hasher::Sha256Hasher() : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
  if (algorithm_ != nullptr && context_ != nullptr) return;
  EVP_MD_CTX_free(context_);
  EVP_MD_free(algorithm_);
  throw std::runtime_error("no SHA-256");
}

Sha256Hasher::~Sha256Hasher() {
  EVP_MD_CTX_free(context_);
  EVP_MD_free(algorithm_);
}

bool Sha256Hasher::hash(std::string_view bytes, Sha256& out) noexcept { return begin() && add(bytes) && end(out); }

bool Sha256Hasher::begin() noexcept { return EVP_DigestInit_ex2(context_, algorithm_, nullptr) == 1; }

bool Sha256Hasher::add(std::string_view bytes) noexcept {
  return EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1;
}

bool Sha256Hasher::end(Sha256& out) noexcept { return EVP_DigestFinal_ex(context_, out.data(), nullptr) == 1; }

}  // namespace postern::crypto
