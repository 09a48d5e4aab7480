// Whom we believe: certificate authorities and revocation lists, read from PEM files and checked once.
// Immutable after load(); each core builds its own X509_STORE from the texts.
#pragma once

#include <string>
#include <string_view>

#include "crypto/loaded.h"
#include "crypto/openssl_ptr.h"

namespace postern::crypto {

class Trust {
 public:
  /// `crl_path` may be empty. A file without a single certificate (or list) is an error.
  static Loaded<Trust> load(const std::string& owner, const std::string& ca_path, const std::string& crl_path);

  /// With lists, the leaf's revocation is checked, and an issuer whose list is absent or out of date fails.
  X509StorePtr make_store(OSSL_LIB_CTX* library) const;
  /// The subjects, for the request that a server sends to its clients.
  X509NameStackPtr make_names(OSSL_LIB_CTX* library) const;

  std::string_view ca_pem() const noexcept { return ca_pem_; }
  std::string_view crl_pem() const noexcept { return crl_pem_; }

 private:
  std::string ca_pem_;
  std::string crl_pem_;
};

}  // namespace postern::crypto
