#include "net/tls_server_context.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <chrono>

#include "crypto/openssl_error.h"
#include "net/tls_settings.h"

namespace postern::net {
namespace {

constexpr std::size_t kIvSize = 16;

TlsServerContext* context_of(SSL* ssl) {
  return static_cast<TlsServerContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

bool set_mac_key(EVP_MAC_CTX* mac, const crypto::TicketKey& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.hmac.data()),
                                        key.hmac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

std::string alpn_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > 255) continue;
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

}  // namespace

TlsServerContext::TlsServerContext(std::shared_ptr<const TlsMaterial> material,
                                   std::shared_ptr<const crypto::TicketKeys> tickets, const crypto::Library& library)
    : material_(std::move(material)),
      tickets_(std::move(tickets)),
      library_(library),
      names_(material_->certificates()),
      ticket_cipher_(EVP_CIPHER_fetch(library.get(), "AES-256-CBC", nullptr)) {}

TlsServerContext::~TlsServerContext() = default;

std::shared_ptr<const TlsServerContext> TlsServerContext::make(const std::string& owner,
                                                               const config::ServerTls& settings,
                                                               std::shared_ptr<const TlsMaterial> material,
                                                               std::shared_ptr<const crypto::TicketKeys> tickets,
                                                               const crypto::Library& library, std::string& error) {
  ERR_clear_error();
  std::shared_ptr<TlsServerContext> self(new TlsServerContext(std::move(material), std::move(tickets), library));
  self->alpn_ = alpn_wire(settings.alpn);
  for (const CertificateSet& set : self->names_.sets()) {
    crypto::SslCtxPtr context = self->make_context(owner, settings, set);
    if (!context) {
      error = owner + ": OpenSSL refuses the TLS settings: " + crypto::take_openssl_error();
      return nullptr;
    }
    self->contexts_.push_back(std::move(context));
  }
  return self;
}

crypto::SslCtxPtr TlsServerContext::make_context(const std::string& owner, const config::ServerTls& settings,
                                                 const CertificateSet& set) {
  crypto::SslCtxPtr context(SSL_CTX_new_ex(library_.get(), nullptr, TLS_server_method()));
  SSL_CTX* raw = context.get();
  if (!context || !ticket_cipher_ || !apply_common_settings(raw)) return nullptr;
  const int lowest = settings.preset == config::TlsPreset::modern ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (SSL_CTX_set_min_proto_version(raw, lowest) != 1) return nullptr;
  SSL_CTX_set_options(raw, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_app_data(raw, this);

  // Resumption is stateless: any core with the ticket keys resumes any session.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(raw, static_cast<long>(tickets_->lifetime().count()));
  if (SSL_CTX_set_num_tickets(raw, 1) != 1) return nullptr;  // each resumption brings the next one
  SSL_CTX_set_tlsext_ticket_key_evp_cb(raw, &TlsServerContext::on_ticket);

  SSL_CTX_set_tlsext_servername_callback(raw, &TlsServerContext::on_server_name);
  SSL_CTX_set_tlsext_servername_arg(raw, this);
  SSL_CTX_set_tlsext_status_cb(raw, &TlsServerContext::on_staple);
  SSL_CTX_set_tlsext_status_arg(raw, this);
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(raw, &TlsServerContext::on_alpn, this);

  if (!add_certificates(raw, set) || !add_client_auth(raw, settings)) return nullptr;
  if (!set_session_id_context(raw, owner, settings)) return nullptr;
  return context;
}

bool TlsServerContext::add_certificates(SSL_CTX* context, const CertificateSet& set) const {
  for (const std::uint32_t index : set.by_type) {
    if (index != CertificateSet::kNone && !use_certificate(context, library_, material_->certificates()[index])) {
      return false;
    }
  }
  return true;
}

bool TlsServerContext::add_client_auth(SSL_CTX* context, const config::ServerTls& settings) const {
  if (settings.client_auth == config::ClientAuth::none || !material_->trust()) return true;
  crypto::X509StorePtr store = material_->trust()->make_store(library_.get());
  crypto::X509NameStackPtr names = material_->trust()->make_names(library_.get());
  if (!store || !names) return false;
  SSL_CTX_set_cert_store(context, store.release());
  SSL_CTX_set_client_CA_list(context, names.release());
  SSL_CTX_set_verify_depth(context, static_cast<int>(settings.client_depth));
  // Optional means that a client may show none; a bad one still ends the handshake.
  const bool required = settings.client_auth == config::ClientAuth::required;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return true;
}

// A ticket carries the client's certificate as it was verified then. It must not open another listener, nor this one
// after its authorities or revocation lists changed, although the ticket keys are the same.
bool TlsServerContext::set_session_id_context(SSL_CTX* context, const std::string& owner,
                                              const config::ServerTls& settings) const {
  std::string text = owner;
  text += '\0';
  text += std::to_string(static_cast<int>(settings.client_auth)) + "," + std::to_string(settings.client_depth);
  if (material_->trust()) {
    text += '\0';
    text += material_->trust()->ca_pem();
    text += '\0';
    text += material_->trust()->crl_pem();
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  return EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr) == 1 &&
         SSL_CTX_set_session_id_context(context, digest, size) == 1;
}

bool TlsServerContext::same_certificate(std::string_view sni, std::string_view host) const noexcept {
  if (sni.empty() || contexts_.size() == 1 || sni == host) return true;
  return names_.find(sni) == names_.find(host);
}

int TlsServerContext::on_server_name(SSL* ssl, int*, void* self) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  const auto& context = *static_cast<const TlsServerContext*>(self);
  const std::size_t set = context.names_.find(name);
  if (set != 0) SSL_set_SSL_CTX(ssl, context.contexts_[set].get());
  return SSL_TLSEXT_ERR_OK;
}

int TlsServerContext::on_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                              unsigned int in_size, void* self) {
  const std::string& ours = static_cast<const TlsServerContext*>(self)->alpn_;
  unsigned char* chosen = nullptr;
  const int result = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                           static_cast<unsigned int>(ours.size()), in, in_size);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// The set by the SSL_CTX that SNI chose, and in it the certificate by the key type that OpenSSL chose.
const crypto::Certificate* TlsServerContext::certificate_in_use(SSL* ssl) const noexcept {
  const X509* leaf = SSL_get_certificate(ssl);
  const auto here = std::ranges::find(contexts_, SSL_get_SSL_CTX(ssl), &crypto::SslCtxPtr::get);
  if (leaf == nullptr || here == contexts_.end()) return nullptr;
  const CertificateSet& set = names_.sets()[static_cast<std::size_t>(here - contexts_.begin())];
  const std::uint32_t index = set.by_type[static_cast<std::size_t>(crypto::key_type_of(leaf))];
  return index == CertificateSet::kNone ? nullptr : &material_->certificates()[index];
}

int TlsServerContext::on_staple(SSL* ssl, void* self) {
  const crypto::Certificate* certificate = static_cast<const TlsServerContext*>(self)->certificate_in_use(ssl);
  if (certificate == nullptr) return SSL_TLSEXT_ERR_NOACK;
  const std::string_view staple = certificate->ocsp_der();
  // An old staple is worse than none: clients that check would refuse us.
  if (staple.empty() || certificate->ocsp_until() < std::chrono::system_clock::now()) return SSL_TLSEXT_ERR_NOACK;
  auto* copy = static_cast<unsigned char*>(OPENSSL_memdup(staple.data(), staple.size()));  // OpenSSL frees it
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(staple.size()));
  return SSL_TLSEXT_ERR_OK;
}

int TlsServerContext::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                                EVP_MAC_CTX* mac, int encrypting) {
  const TlsServerContext& self = *context_of(ssl);
  if (encrypting != 0) {
    const crypto::TicketKey key = self.tickets_->current();
    std::copy(key.name.begin(), key.name.end(), name);
    const bool ready = RAND_bytes_ex(self.library_.get(), iv, kIvSize, 0) == 1 &&
                       EVP_EncryptInit_ex(cipher, self.ticket_cipher_.get(), nullptr, key.aes.data(), iv) == 1 &&
                       set_mac_key(mac, key);
    return ready ? 1 : -1;
  }
  const auto found = self.tickets_->find(
      std::span<const unsigned char, crypto::TicketKey::kNameSize>(name, crypto::TicketKey::kNameSize));
  if (!found) return 0;  // a full handshake, and a new ticket
  const bool ready = set_mac_key(mac, found->key) &&
                     EVP_DecryptInit_ex(cipher, self.ticket_cipher_.get(), nullptr, found->key.aes.data(), iv) == 1;
  if (!ready) return -1;
  // 2: renew. TLS 1.3 clients use a ticket once, so each resumption must bring another.
  return found->is_current && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
}

}  // namespace postern::net
