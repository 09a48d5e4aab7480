#include "net/tls_failure.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

namespace postern::net {

TlsFailure classify_openssl_error(unsigned long error) noexcept {
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return TlsFailure::protocol;
  switch (ERR_GET_REASON(error)) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:  // what any other plaintext looks like
      return TlsFailure::not_tls;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return TlsFailure::version;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
      return TlsFailure::cipher;
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return TlsFailure::alpn;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return TlsFailure::no_certificate;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return TlsFailure::verify;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return TlsFailure::truncated;
    default:
      break;
  }
  // Alerts that the peer sent have their number plus an offset as their reason.
  return ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET ? TlsFailure::peer_alert : TlsFailure::protocol;
}

}  // namespace postern::net
