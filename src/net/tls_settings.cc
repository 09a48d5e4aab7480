#include "net/tls_settings.h"

namespace postern::net {
namespace {

// Forward secrecy and authenticated encryption only. AES-128 first: as safe, and a tenth cheaper than AES-256.
constexpr const char* kTls12Ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kTls13Ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";

}  // namespace

bool apply_common_settings(SSL_CTX* context) {
  SSL_CTX_set_security_level(context, 2);  // set here, or the distribution's openssl.cnf would decide
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);  // one recv for a record's header and body, and for the records after it
  return SSL_CTX_set_cipher_list(context, kTls12Ciphers) == 1 &&
         SSL_CTX_set_ciphersuites(context, kTls13Ciphers) == 1 && SSL_CTX_set1_groups_list(context, kGroups) == 1 &&
         SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
}

bool use_certificate(SSL_CTX* context, const crypto::Library& library, const crypto::Certificate& certificate) {
  const crypto::ParsedChain chain = crypto::parse_chain(library.get(), certificate.chain_pem());
  const crypto::PkeyPtr key = crypto::parse_key(library.get(), certificate.key_pem().reveal());
  return chain.leaf && key && SSL_CTX_use_cert_and_key(context, chain.leaf.get(), key.get(), chain.rest.get(), 1) == 1;
}

}  // namespace postern::net
