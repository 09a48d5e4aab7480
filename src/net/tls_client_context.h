// An upstream's side of TLS for ONE core and one config generation, with the last session of each endpoint for
// resumption. Used by that core's sessions only, which share its ownership.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "config/settings.h"
#include "crypto/library.h"
#include "crypto/openssl_ptr.h"
#include "net/tls_bio.h"
#include "net/tls_material.h"

namespace postern::net {

class TlsClientContext {
 public:
  /// Null with a line in `error`. `library` is that core's and must outlive the result. `protocol` is what ALPN offers.
  static std::shared_ptr<TlsClientContext> make(const std::string& owner, const config::UpstreamTls& settings,
                                                config::UpstreamProtocol protocol,
                                                std::shared_ptr<const TlsMaterial> material,
                                                const crypto::Library& library, std::string& error);
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;

  // For TlsSession.
  SSL_CTX* get() const noexcept { return context_.get(); }
  const TlsBioMethod& bio_method() const noexcept { return bio_method_; }

  /// The place where `endpoint`'s last session is kept; stays valid as long as the context. May be null (full).
  crypto::SslSessionPtr* slot(const std::string& endpoint);
  /// What the certificate must name: the settings' sni, else `host`.
  const std::string& name_for(const std::string& host) const noexcept { return sni_.empty() ? host : sni_; }
  bool verifies() const noexcept { return verify_; }

 private:
  static constexpr std::size_t kMaxSlots = 4096;

  TlsClientContext(const config::UpstreamTls& settings, std::shared_ptr<const TlsMaterial> material);
  bool add_trust(const crypto::Library& library);
  static int on_new_session(SSL* ssl, SSL_SESSION* session);

  const std::shared_ptr<const TlsMaterial> material_;
  const std::string sni_;
  const bool verify_;
  const TlsBioMethod bio_method_;
  crypto::SslCtxPtr context_;
  std::unordered_map<std::string, crypto::SslSessionPtr> sessions_;
};

}  // namespace postern::net
