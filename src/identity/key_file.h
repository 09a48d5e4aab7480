// Keys that stand in a file: a JSON Web Key Set, PEM, or a secret. Blocks on the disk: start-up, reload and the
// keeper's thread only.
#pragma once

#include <string>
#include <string_view>

#include "config/settings_identity.h"
#include "identity/key_set.h"

namespace postern::identity {

/// The file that its keys are in; empty: they come over the network.
const std::string& key_file_of(const config::Issuer& issuer) noexcept;

/// The secret in a file's text: without the line break that editors put at the end.
std::string_view secret_in(std::string_view text) noexcept;

/// Reads that file. An error names it. A set without a single usable key is one, too.
KeySet::Made load_key_file(const config::Issuer& issuer);

}  // namespace postern::identity
