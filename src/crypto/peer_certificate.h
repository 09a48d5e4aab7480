// What a peer's verified certificate says, as plain values: for identity, which knows no OpenSSL. Read once per
// connection, after the handshake. Any thread.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "crypto/sha256.h"

namespace postern::crypto {

struct PeerCertificate {
  std::string subject;            // RFC 2253 text, for logs only
  std::string issuer;             // the same
  std::string serial;             // hexadecimal
  std::vector<std::string> uris;  // of the subjectAltName, as they are: may hold any byte
  std::vector<std::string> dns;
  std::vector<std::string> emails;
  Sha256 digest{};              // of the DER
  std::string thumbprint;       // the same, base64url without padding: x5t#S256
  std::int64_t not_before = 0;  // seconds since 1970
  std::int64_t not_after = 0;
  bool names_broken = false;  // there is a subjectAltName, and nobody can read it
};

/// Empty thumbprint: the library would not.
PeerCertificate describe_peer(const X509* certificate);

}  // namespace postern::crypto
