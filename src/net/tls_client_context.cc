#include "net/tls_client_context.h"

#include <openssl/err.h>

#include "crypto/openssl_error.h"
#include "net/tls_session.h"
#include "net/tls_settings.h"

namespace postern::net {
namespace {

// Each name behind its length; the first is preferred.
constexpr std::string_view kHttp1 = "\x08http/1.1";
constexpr std::string_view kH2 = "\x02h2";
constexpr std::string_view kEither = "\x02h2\x08http/1.1";

bool offer(SSL_CTX* context, config::UpstreamProtocol protocol) noexcept {
  const std::string_view names = protocol == config::UpstreamProtocol::h2          ? kH2
                                 : protocol == config::UpstreamProtocol::automatic ? kEither
                                                                                   : kHttp1;
  return SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(names.data()),
                                 static_cast<unsigned>(names.size())) == 0;  // 0: this one means success
}

}  // namespace

TlsClientContext::TlsClientContext(const config::UpstreamTls& settings, std::shared_ptr<const TlsMaterial> material)
    : material_(std::move(material)), sni_(settings.sni), verify_(settings.verify) {}

std::shared_ptr<TlsClientContext> TlsClientContext::make(const std::string& owner, const config::UpstreamTls& settings,
                                                         config::UpstreamProtocol protocol,
                                                         std::shared_ptr<const TlsMaterial> material,
                                                         const crypto::Library& library, std::string& error) {
  ERR_clear_error();
  std::shared_ptr<TlsClientContext> self(new TlsClientContext(settings, std::move(material)));
  self->context_.reset(SSL_CTX_new_ex(library.get(), nullptr, TLS_client_method()));
  SSL_CTX* context = self->context_.get();
  bool made =
      context != nullptr && apply_common_settings(context) && self->add_trust(library) && offer(context, protocol);
  for (const crypto::Certificate& certificate : self->material_->certificates()) {
    made = made && use_certificate(context, library, certificate);
  }
  if (!made) {
    error = owner + ": OpenSSL refuses the TLS settings: " + crypto::take_openssl_error();
    return nullptr;
  }
  // OpenSSL's own client cache finds nothing by itself; ours is one session per endpoint.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &TlsClientContext::on_new_session);
  return self;
}

bool TlsClientContext::add_trust(const crypto::Library& library) {
  SSL_CTX* context = context_.get();
  if (!verify_) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return true;
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (!material_->trust()) return SSL_CTX_set_default_verify_paths(context) == 1;
  crypto::X509StorePtr store = material_->trust()->make_store(library.get());
  if (!store) return false;
  SSL_CTX_set_cert_store(context, store.release());
  return true;
}

crypto::SslSessionPtr* TlsClientContext::slot(const std::string& endpoint) {
  const auto found = sessions_.find(endpoint);
  if (found != sessions_.end()) return &found->second;
  if (sessions_.size() >= kMaxSlots) return nullptr;
  return &sessions_[endpoint];
}

// With TLS 1.3 this is called while data is read, once per ticket; the newest one is kept.
int TlsClientContext::on_new_session(SSL* ssl, SSL_SESSION* session) {
  TlsSession& owner = TlsSession::of(ssl);
  if (owner.resumption_ == nullptr) return 0;
  owner.resumption_->reset(session);
  return 1;  // the reference is ours now
}

}  // namespace postern::net
