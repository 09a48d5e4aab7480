// A certificate chain with its private key and optional OCSP staple, read from files and checked once.
// Immutable after load(); each core parses the PEM texts again in its own Library, so that no reference count is
// shared. Does not verify the chain: a server presents what it was given.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/loaded.h"
#include "crypto/openssl_ptr.h"
#include "crypto/secret_text.h"

namespace postern::crypto {

enum class KeyType : std::uint8_t { rsa, ecdsa, ed25519, other };
std::string_view to_string(KeyType type) noexcept;

class Certificate {
 public:
  /// `owner` begins every message: "listener public: certificate a.pem does not match key b.pem".
  /// Keys with a password are refused: nobody could type it. `ocsp_path` may be empty.
  static Loaded<Certificate> load(const std::string& owner, const std::string& cert_path, const std::string& key_path,
                                  const std::string& ocsp_path);

  /// Lower case: DNS names of the subjectAltName (with "*." ones), IP addresses in text; the common name when the
  /// extension is absent.
  const std::vector<std::string>& names() const noexcept { return names_; }
  KeyType key_type() const noexcept { return key_type_; }
  std::chrono::system_clock::time_point not_after() const noexcept { return not_after_; }
  const std::string& path() const noexcept { return path_; }
  /// Things an operator should know and that stop nothing: expired, key readable by others, staple out of date.
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }

  std::string_view chain_pem() const noexcept { return chain_pem_; }
  const SecretText& key_pem() const noexcept { return key_pem_; }
  std::string_view ocsp_der() const noexcept { return ocsp_der_; }
  /// When the staple ends; a server sends none after that. The far future when it names no end.
  std::chrono::system_clock::time_point ocsp_until() const noexcept { return ocsp_until_; }

 private:
  // Each returns what is wrong, or nothing.
  std::string load_chain(const std::string& path);
  std::string load_key(const std::string& path);
  std::string load_ocsp(const std::string& path);

  std::string path_;
  std::vector<std::string> names_;
  KeyType key_type_ = KeyType::other;
  std::chrono::system_clock::time_point not_after_;
  std::vector<std::string> warnings_;
  std::string chain_pem_;
  SecretText key_pem_;
  std::string ocsp_der_;
  std::chrono::system_clock::time_point ocsp_until_ = std::chrono::system_clock::time_point::max();
};

struct ParsedChain {
  X509Ptr leaf;
  X509StackPtr rest;  // without the leaf
};

/// Null members (and a filled error queue) when the text holds no certificate or a broken one.
ParsedChain parse_chain(OSSL_LIB_CTX* library, std::string_view pem);
PkeyPtr parse_key(OSSL_LIB_CTX* library, std::string_view pem);
KeyType key_type_of(const X509* certificate) noexcept;
std::vector<std::string> names_of(const X509* certificate);
std::chrono::system_clock::time_point not_after_of(const X509* certificate);

}  // namespace postern::crypto
