#include "net/tls_session.h"

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "net/tls_client_context.h"
#include "net/tls_failure.h"
#include "net/tls_server_context.h"

namespace postern::net {
namespace {

constexpr std::size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;

// Key updates (and tickets, and renegotiation attempts) cost us work and the peer nothing. A few are free; one more for
// each 64 KiB of application data. Needs no clock; an honest peer updates its key after gigabytes.
constexpr std::uint32_t kFreeUpdates = 16;
constexpr std::uint32_t kDataPerUpdate = 64 * 1024;

const char* socket_error_text(int error) {
  switch (error) {
    case ECONNRESET:
      return "connection reset";
    case EPIPE:
      return "broken pipe";
    case ETIMEDOUT:
      return "connection timed out";
    default:
      return "socket error";
  }
}

}  // namespace

std::string_view to_string(TlsFailure failure) noexcept {
  constexpr std::string_view kNames[] = {"none",   "not_tls",    "version",   "cipher", "alpn",  "no_certificate",
                                         "verify", "peer_alert", "truncated", "flood",  "reset", "protocol"};
  return kNames[static_cast<std::size_t>(failure)];
}

TlsSession::~TlsSession() {
  // OpenSSL forbids resumption after a connection that nobody shut down; upstream connections end so all the time.
  if (client_ && established_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

TlsSession& TlsSession::of(const SSL* ssl) noexcept { return *TlsBioMethod::state_of(ssl).owner; }

bool TlsSession::start(SSL_CTX* context, const TlsBioMethod& method, int fd) noexcept {
  bio_.owner = this;
  bio_.fd = fd;
  ssl_.reset(SSL_new(context));
  BIO* bio = ssl_ ? method.make(bio_) : nullptr;
  if (bio == nullptr) {
    ssl_.reset();
    failed(TlsFailure::protocol, "out of memory");
    return false;
  }
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_info_callback(ssl_.get(), &TlsSession::on_info);
  return true;
}

bool TlsSession::accept(std::shared_ptr<const TlsServerContext> context, int fd) noexcept {
  server_ = std::move(context);
  if (!start(server_->initial(), server_->bio_method(), fd)) return false;
  SSL_set_accept_state(ssl_.get());
  return true;
}

bool TlsSession::connect(std::shared_ptr<TlsClientContext> context, int fd, const std::string& host,
                         const std::string& endpoint) noexcept {
  client_ = std::move(context);
  std::string name = client_->name_for(host);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  if (name.ends_with('.')) name.pop_back();
  // An empty name would switch the check off instead of failing it.
  if (name.empty() && client_->verifies()) {
    failed(TlsFailure::verify, "no server name to verify");
    return false;
  }
  if (!start(client_->get(), client_->bio_method(), fd)) return false;
  SSL* ssl = ssl_.get();
  SSL_set_connect_state(ssl);
  const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
  ERR_clear_error();
  if (!is_address && !name.empty()) {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(ssl, name.c_str()) != 1 || SSL_set_tlsext_host_name(ssl, name.c_str()) != 1) {
      failed(TlsFailure::verify, "server name cannot be used");
      ssl_.reset();
      return false;
    }
  }
  resumption_ = endpoint.empty() ? nullptr : client_->slot(name + "|" + endpoint);
  if (resumption_ != nullptr && *resumption_) SSL_set_session(ssl, resumption_->get());
  return true;
}

IoResult TlsSession::handshake() noexcept {
  if (!ssl_ || failure_ != TlsFailure::none) return {0, IoStatus::error};
  ERR_clear_error();
  bio_.blocked_read = bio_.blocked_write = false;
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) return stopped(result);
  established_ = true;
  credit_ = kFreeUpdates;
  forget_ephemeral_keys();
  if (const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name)) sni_ = name;
  return {0, IoStatus::ok};
}

// OpenSSL keeps both key shares until the connection closes. Nothing needs them after the handshake: emptied, a
// captured memory image no longer opens the recorded traffic of an idle connection, and each connection is half a
// kilobyte smaller.
void TlsSession::forget_ephemeral_keys() noexcept {
  EVP_PKEY* key = nullptr;
  if (SSL_get_tmp_key(ssl_.get(), &key) == 1) {
    EVP_PKEY_set_type(key, EVP_PKEY_NONE);  // "fails" for want of a new type, after it freed and wiped the old key
    EVP_PKEY_free(key);
  }
  if (SSL_get_peer_tmp_key(ssl_.get(), &key) == 1) {
    EVP_PKEY_set_type(key, EVP_PKEY_NONE);
    EVP_PKEY_free(key);
  }
  ERR_clear_error();  // also what the search for a chain that was found in the end left behind
}

// One recv per call: the loop goes on with what that brought, and `hold` keeps the BIO from asking for more.
IoResult TlsSession::read(std::span<char> into) noexcept {
  if (!established_ || failure_ != TlsFailure::none) return {0, IoStatus::error};
  SSL* ssl = ssl_.get();
  if ((SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0) return {0, IoStatus::eof};
  if (bio_.drained && SSL_has_pending(ssl) == 0) {
    bio_.drained = false;
    return {0, IoStatus::want_read};
  }
  std::size_t total = 0;
  bio_.blocked_read = bio_.blocked_write = false;
  while (total < into.size()) {
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl, into.data() + total, into.size() - total, &got);
    if (result != 1) {
      bio_.hold = false;
      if (total == 0) return stopped(result);
      // What came before an end or a failure is delivered first; the next call reports it.
      if (!bio_.blocked_read && !bio_.blocked_write) stopped(result);
      break;
    }
    total += got;
    if (SSL_has_pending(ssl) == 0) break;
    bio_.hold = true;
  }
  bio_.hold = false;
  count_data(total);
  return {total, IoStatus::ok};
}

bool TlsSession::take_drained() noexcept {
  // Taken or not, the note is void: kept beside half a record, it would hide what the descriptor reports next.
  const bool drained = std::exchange(bio_.drained, false);
  return drained && SSL_has_pending(ssl_.get()) == 0;
}

IoResult TlsSession::write(std::span<const char> from) noexcept {
  if (!established_ || failure_ != TlsFailure::none) return {0, IoStatus::error};
  if (from.empty()) return {0, IoStatus::ok};
  bio_.blocked_read = bio_.blocked_write = false;
  std::size_t sent = 0;
  const int result = SSL_write_ex(ssl_.get(), from.data(), std::min(from.size(), kRecord), &sent);
  if (result != 1) return stopped(result);
  count_data(sent);
  return {sent, IoStatus::ok};
}

IoResult TlsSession::shutdown() noexcept {
  if (!established_ || failure_ != TlsFailure::none) return {0, IoStatus::error};
  if (closing_) return {0, IoStatus::ok};
  bio_.blocked_read = bio_.blocked_write = false;
  const int result = SSL_shutdown(ssl_.get());
  if (result >= 0) {
    closing_ = true;
    return {0, IoStatus::ok};
  }
  return stopped(result);
}

// An end that came with data was taken from the descriptor together with them: that will report nothing more.
bool TlsSession::has_pending() const noexcept {
  if (!ssl_) return false;
  return SSL_has_pending(ssl_.get()) == 1 || failure_ != TlsFailure::none ||
         (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

IoResult TlsSession::stopped(int result) noexcept {
  if (bio_.poisoned) return failed(TlsFailure::flood, "too many key updates");
  // Asked of the BIO and the state machine, not of SSL_get_error alone: a stale entry in the queue must not turn a
  // pause into a failure.
  if (bio_.blocked_write && SSL_want_write(ssl_.get())) return {0, IoStatus::want_write};
  if (bio_.blocked_read && SSL_want_read(ssl_.get())) {
    bio_.drained = false;  // the owner waits for the descriptor now
    return {0, IoStatus::want_read};
  }
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN) return {0, IoStatus::eof};
  explain_failure();
  ERR_clear_error();
  return {0, IoStatus::error};
}

IoResult TlsSession::failed(TlsFailure failure, const char* text) noexcept {
  failure_ = failure;
  error_text_ = text;
  ERR_clear_error();
  return {0, IoStatus::error};
}

void TlsSession::explain_failure() noexcept {
  // A session that fails to resume must not fail every connection after it.
  if (resumption_ != nullptr && !established_) resumption_->reset();
  if (bio_.error != 0) {
    failure_ = TlsFailure::reset;
    error_text_ = socket_error_text(bio_.error);
    return;
  }
  const unsigned long error = ERR_peek_error();
  failure_ = bio_.eof ? TlsFailure::truncated : classify_openssl_error(error);
  // The record layer says "wrong version number" for later garbage as well; only the first bytes tell plaintext.
  if (failure_ == TlsFailure::not_tls && established_) failure_ = TlsFailure::protocol;
  if (failure_ == TlsFailure::verify) {
    error_text_ = X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()));
    return;
  }
  const char* reason = bio_.eof ? "connection closed without close_notify" : ERR_reason_error_string(error);
  error_text_ = reason != nullptr ? reason : "protocol error";
}

void TlsSession::count_data(std::size_t bytes) noexcept {
  data_bytes_ += static_cast<std::uint32_t>(bytes);  // a call moves little; the sum is reduced at once
  if (data_bytes_ < kDataPerUpdate) return;
  credit_ = std::min(credit_ + data_bytes_ / kDataPerUpdate, kFreeUpdates);
  data_bytes_ %= kDataPerUpdate;
}

// Called by OpenSSL at each handshake message and alert, never for application data.
void TlsSession::on_info(const SSL* ssl, int where, int result) {
  TlsSession& self = of(ssl);
  if (!self.established_) return;
  const bool refused = (where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT && (result & 0xff) == SSL_AD_NO_RENEGOTIATION;
  const OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl);
  const bool message = (where & SSL_CB_LOOP) != 0 && (state == TLS_ST_SR_KEY_UPDATE || state == TLS_ST_CR_KEY_UPDATE ||
                                                      state == TLS_ST_CR_SESSION_TICKET);
  if (!refused && !message) return;
  if (self.credit_ == 0) {
    self.bio_.poisoned = true;
  } else {
    --self.credit_;
  }
}

std::string_view TlsSession::alpn() const noexcept {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  if (ssl_) SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string_view TlsSession::version() const noexcept { return ssl_ ? SSL_get_version(ssl_.get()) : ""; }

std::string_view TlsSession::cipher() const noexcept { return ssl_ ? SSL_get_cipher_name(ssl_.get()) : ""; }

bool TlsSession::resumed() const noexcept { return ssl_ && SSL_session_reused(ssl_.get()) == 1; }

X509* TlsSession::peer_certificate() const noexcept {
  if (!established_ || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return nullptr;
  return SSL_get0_peer_certificate(ssl_.get());
}

bool TlsSession::same_certificate(std::string_view host) const noexcept {
  return !server_ || server_->same_certificate(sni_, host);
}

}  // namespace postern::net
