// A client certificate as identity: from the facts of a certificate that TLS has verified to a Principal. Names of the
// subjectAltName only, each byte for byte; never the common name (RFC 6125). Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "crypto/peer_certificate.h"
#include "postern/principal.h"

namespace postern::identity {

/// Nobody: a name has a NUL or a control byte in it (T76), it has more than one spiffe:// URI or a broken one, or it
/// has no name at all. The subject is the SPIFFE id, else the only or first URI, e-mail address or DNS name. All names
/// are claims: "san.uri", "san.email", "san.dns".
std::optional<Principal> principal_of(const crypto::PeerCertificate& certificate);

/// RFC 8705: may a token with this `cnf` be used by who has shown this certificate? An unbound token: always; a bound
/// one without a certificate: never.
bool certificate_matches(const Principal& who, const crypto::PeerCertificate* shown) noexcept;

}  // namespace postern::identity
