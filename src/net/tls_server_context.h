// A listener's side of TLS for ONE core and one config generation: an SSL_CTX per certificate set, chosen by SNI.
// Made by the control thread (or the core), then used by that core's sessions only; they share its ownership, so that a
// connection outlives a reload with the context that it began with.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "crypto/library.h"
#include "crypto/openssl_ptr.h"
#include "crypto/ticket_keys.h"
#include "net/tls_bio.h"
#include "net/tls_material.h"
#include "net/tls_names.h"

namespace postern::net {

class TlsServerContext {
 public:
  /// Null with a line in `error` when OpenSSL refuses the material. `library` is that core's and must outlive the
  /// result.
  static std::shared_ptr<const TlsServerContext> make(const std::string& owner, const config::ServerTls& settings,
                                                      std::shared_ptr<const TlsMaterial> material,
                                                      std::shared_ptr<const crypto::TicketKeys> tickets,
                                                      const crypto::Library& library, std::string& error);
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;
  ~TlsServerContext();

  /// Would `host` have been answered with the certificates that `sni` was answered with? False calls for a 421.
  /// True for a client that named no server.
  bool same_certificate(std::string_view sni, std::string_view host) const noexcept;

  // For TlsSession and the callbacks.
  SSL_CTX* initial() const noexcept { return contexts_.front().get(); }
  const TlsBioMethod& bio_method() const noexcept { return bio_method_; }

 private:
  TlsServerContext(std::shared_ptr<const TlsMaterial> material, std::shared_ptr<const crypto::TicketKeys> tickets,
                   const crypto::Library& library);

  crypto::SslCtxPtr make_context(const std::string& owner, const config::ServerTls& settings,
                                 const CertificateSet& set);
  bool add_client_auth(SSL_CTX* context, const config::ServerTls& settings) const;
  bool add_certificates(SSL_CTX* context, const CertificateSet& set) const;
  bool set_session_id_context(SSL_CTX* context, const std::string& owner, const config::ServerTls& settings) const;

  const crypto::Certificate* certificate_in_use(SSL* ssl) const noexcept;

  static int on_server_name(SSL* ssl, int* alert, void* self);
  static int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                     unsigned int in_size, void* self);
  static int on_staple(SSL* ssl, void* self);
  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                       int encrypting);

  const std::shared_ptr<const TlsMaterial> material_;
  const std::shared_ptr<const crypto::TicketKeys> tickets_;
  const crypto::Library& library_;
  const TlsBioMethod bio_method_;
  const TlsNames names_;
  std::string alpn_;  // wire form: length, name, length, name
  crypto::CipherPtr ticket_cipher_;
  std::vector<crypto::SslCtxPtr> contexts_;  // as names_.sets()
};

}  // namespace postern::net
