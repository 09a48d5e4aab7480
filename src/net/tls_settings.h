// What server and client contexts have in common. Used by those two only, when a context is made.
#pragma once

#include "crypto/certificate.h"
#include "crypto/library.h"
#include "crypto/openssl_ptr.h"

namespace postern::net {

/// Buffers, groups, options. False, with OpenSSL's queue filled, on failure; so does the other one.
bool apply_common_settings(SSL_CTX* context);
bool use_certificate(SSL_CTX* context, const crypto::Library& library, const crypto::Certificate& certificate);

}  // namespace postern::net
