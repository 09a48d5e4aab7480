// `postern dev-cert`: a certificate for a first start on loopback, made by postern itself. Start-up only.
#pragma once

#include <iosfwd>
#include <string>

namespace postern::cli {

/// Writes DIR/cert.pem and DIR/key.pem (mode 0600, ECDSA P-256, localhost, 127.0.0.1 and ::1, 30 days). Keeps a pair
/// that is there, fits and lives for a day more. Returns the exit code.
int dev_cert_command(const std::string& dir, std::ostream& out, std::ostream& err);

}  // namespace postern::cli
