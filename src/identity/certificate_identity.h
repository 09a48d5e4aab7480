// A client certificate as identity: from the facts of a certificate that TLS has verified to a Principal. Names of the
// subjectAltName only, each byte for byte; never the common name (RFC 6125). Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "crypto/peer_certificate.h"
#include "postern/principal.h"

namespace postern::identity {

/// Nobody: the names cannot be read, or one has a NUL, a control byte or a blank in it (T76), there is more than one
/// spiffe:// URI, or a broken one, or no name at all. The subject is the SPIFFE id, else the first URI, e-mail address
/// or DNS name, in this order. All names are claims: "san.uri", "san.email", "san.dns". `authority` is what config and
/// policies call the CA.
std::optional<Principal> principal_of(const crypto::PeerCertificate& certificate, std::string_view authority);

/// RFC 8705: may a token with this `cnf` be used by who has shown this certificate? An unbound token: always; a bound
/// one without a certificate: never.
bool certificate_matches(const Principal& who, const crypto::PeerCertificate* shown) noexcept;

}  // namespace postern::identity
