// What stands between OpenSSL and a non-blocking descriptor that somebody else owns. Remembers that a short recv
// emptied the socket, so that the next read costs no system call to learn it. Part of TlsSession; its thread only.
#pragma once

#include <openssl/types.h>

#include "crypto/openssl_ptr.h"

namespace postern::net {

class TlsSession;

/// The state of one session's BIO, inside the session. Never moves while the session is in use.
struct TlsBioState {
  TlsSession* owner = nullptr;  // how OpenSSL's callbacks find the session: an ex_data slot would cost 110 bytes each
  int fd = -1;
  bool drained = false;        // the last recv was short: there is nothing until the descriptor is readable again
  bool hold = false;           // this call has read once and must not read again
  bool poisoned = false;       // fail every further read: the peer abuses the protocol
  bool blocked_read = false;   // OpenSSL wanted bytes and got none
  bool blocked_write = false;  // the socket's buffer is full
  bool eof = false;            // FIN
  int error = 0;               // errno of a failed recv or send
};

/// The BIO_METHOD; one per context, because OpenSSL would otherwise want a process-wide one.
class TlsBioMethod {
 public:
  TlsBioMethod();  // throws std::bad_alloc

  /// The state behind a session's BIO.
  static TlsBioState& state_of(const SSL* ssl) noexcept;

  /// A new BIO over `state`, or null. The caller gives it to SSL_set_bio.
  BIO* make(TlsBioState& state) const noexcept;

 private:
  const crypto::BioMethodPtr method_;
};

}  // namespace postern::net
