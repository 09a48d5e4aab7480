// `postern audit verify`: what the audit files say about themselves. Exit codes: 0 all is as it was written, 1 it is
// not, 2 the question was wrong.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace postern::cli {

/// `keys`: PEM files with Ed25519 public keys.
int audit_verify_command(const std::vector<std::string>& files, const std::vector<std::string>& keys, std::ostream& out,
                         std::ostream& err);

}  // namespace postern::cli
