// Turns OpenSSL's reason codes into our few kinds of failure. Used by TlsSession only; a pure function.
#pragma once

#include "net/tls_session.h"

namespace postern::net {

/// `error` as ERR_peek_error gives it, from a handshake or a record.
TlsFailure classify_openssl_error(unsigned long error) noexcept;

}  // namespace postern::net
