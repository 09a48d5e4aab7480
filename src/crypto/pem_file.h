// Reads the small files that TLS material comes in. Start-up and reload only; blocks on the disk.
#pragma once

#include <string>

#include "crypto/loaded.h"
#include "crypto/secret_text.h"

namespace postern::crypto {

/// `what` names the file's role in the message: "cannot read key file X: Permission denied". At most 16 MiB.
Loaded<std::string> read_small_file(const std::string& what, const std::string& path);
Loaded<SecretText> read_secret_file(const std::string& what, const std::string& path);

}  // namespace postern::crypto
