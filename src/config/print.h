// Settings back to TOML: what `postern config show` prints. Any thread; startup and control only.
#pragma once

#include <string>

#include "config/settings.h"

namespace postern::config {

/// Every key with the value in force, secrets masked. Without masked values the text loads to equal Settings.
std::string print(const Settings& settings);

}  // namespace postern::config
