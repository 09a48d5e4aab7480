// Changes the file of API keys: one writer at a time (a lock file beside it), and readers see the old file or the new
// one, never half of either. For the command line; blocks on the disk.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "identity/api_key_file.h"

namespace postern::identity {

/// Reads the records (none where the file is missing and `may_create`), lets `change` edit them, and writes them back,
/// mode 0600. `change` returns what it minds: then nothing is written. Returns what went wrong; empty: nothing.
std::string change_api_keys(const std::string& path, bool may_create,
                            const std::function<std::string(std::vector<ApiKeyRecord>&)>& change);

}  // namespace postern::identity
