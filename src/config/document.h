// The two texts made from the schema: docs/config-reference.md and config/postern.toml.
// Printed by `postern config reference` and `postern config example`; a test keeps the committed files equal.
#pragma once

#include <string>

namespace postern::config {

/// Markdown: a section per table, a row per key.
std::string reference_markdown();

/// A config that loads as it stands: required keys with example values, all others commented with their defaults.
std::string example_toml();

}  // namespace postern::config
