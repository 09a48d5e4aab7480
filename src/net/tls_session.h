// One TLS connection, either side, on a non-blocking descriptor that the owner keeps, closes and waits for.
// This core only. Never suspends, never throws; an operation that cannot go on says which readiness to wait for.
// Idle, it holds no record buffers (OpenSSL allocates 16 KiB when bytes arrive and gives them back when they are used).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "crypto/openssl_ptr.h"
#include "net/io_result.h"
#include "net/tls_bio.h"

namespace postern::net {

class TlsServerContext;
class TlsClientContext;

/// Why a session ended badly; the label of a counter.
enum class TlsFailure : std::uint8_t {
  none,
  not_tls,         // plaintext on a TLS port
  version,         // no protocol version in common
  cipher,          // no cipher, group or signature in common
  alpn,            // the client offered ALPN without anything that we speak
  no_certificate,  // the client had to show one
  verify,          // the peer's certificate does not hold: issuer, dates, revocation, name
  peer_alert,      // the peer gave up and said why
  truncated,       // FIN without close_notify (in a handshake: the peer hung up)
  flood,           // too many key updates or renegotiation attempts
  reset,           // the socket broke
  protocol,        // anything else that breaks the rules
};
std::string_view to_string(TlsFailure failure) noexcept;

class TlsSession {
 public:
  TlsSession() noexcept = default;
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Start as the server; false when memory is short. Once per session.
  bool accept(std::shared_ptr<const TlsServerContext> context, int fd) noexcept;
  /// Start as the client of `host` (a name or an IP address; what the certificate must say, unless the settings' sni
  /// does). `endpoint` ("host:port") finds the session to resume; empty: none, and none is kept.
  bool connect(std::shared_ptr<TlsClientContext> context, int fd, const std::string& host,
               const std::string& endpoint) noexcept;

  /// ok: done. Call again after each want_*.
  IoResult handshake() noexcept;
  /// At most one recv, and as many records as came with it. ok: `bytes` > 0. want_read may come without a system call:
  /// it means that the descriptor must become readable again. eof: close_notify. error with truncated(): FIN without
  /// it; a body that ends with the connection is then incomplete, between requests it is no more than a plain close.
  IoResult read(std::span<char> into) noexcept;
  /// One record, one send: at most 16 KiB per call, so `bytes` may be less than asked. After want_write the same bytes
  /// must be offered again (the buffer may have moved).
  IoResult write(std::span<const char> from) noexcept;
  /// Sends close_notify, once. Best effort: error and want_write may be ignored before close().
  IoResult shutdown() noexcept;
  /// True: read() has something to say (bytes, an end, a failure) although the descriptor may not be readable.
  bool has_pending() const noexcept;
  /// The last read left nothing, neither here nor in the descriptor: the owner may wait without another read. Asked
  /// once per read; afterwards the next read looks into the descriptor again.
  bool take_drained() noexcept;

  bool is_open() const noexcept { return ssl_ != nullptr; }
  /// After the handshake. All views live as long as the session.
  std::string_view alpn() const noexcept;
  std::string_view sni() const noexcept { return sni_; }
  std::string_view version() const noexcept;  // "TLSv1.3"
  std::string_view cipher() const noexcept;   // "TLS_AES_128_GCM_SHA256"
  bool resumed() const noexcept;
  /// The peer's leaf when it was shown AND verified, else null. Not owned.
  X509* peer_certificate() const noexcept;
  /// Server: would `host` have met the same certificates? See TlsServerContext.
  bool same_certificate(std::string_view host) const noexcept;

  TlsFailure failure() const noexcept { return failure_; }
  bool truncated() const noexcept { return failure_ == TlsFailure::truncated; }
  /// Short text for the log, without secrets: "unexpected message", "self-signed certificate". Lives for ever.
  std::string_view last_error_text() const noexcept { return error_text_; }

 private:
  friend class TlsClientContext;

  bool start(SSL_CTX* context, const TlsBioMethod& method, int fd) noexcept;
  IoResult stopped(int result) noexcept;
  IoResult failed(TlsFailure failure, const char* text) noexcept;
  void explain_failure() noexcept;
  void forget_ephemeral_keys() noexcept;
  void count_data(std::size_t bytes) noexcept;
  static void on_info(const SSL* ssl, int where, int result);
  static TlsSession& of(const SSL* ssl) noexcept;

  // Set by accept() or connect(). The contexts go last: OpenSSL's callbacks refer to them.
  std::shared_ptr<const TlsServerContext> server_;
  std::shared_ptr<TlsClientContext> client_;
  crypto::SslSessionPtr* resumption_ = nullptr;  // in client_
  TlsBioState bio_;
  crypto::SslPtr ssl_;

  std::string_view sni_;
  const char* error_text_ = "";
  std::uint32_t credit_ = 0;      // key updates and the like that the peer may still send
  std::uint32_t data_bytes_ = 0;  // application bytes since the credit last grew
  TlsFailure failure_ = TlsFailure::none;
  bool established_ = false;
  bool closing_ = false;
};

}  // namespace postern::net
