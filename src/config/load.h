// A config file to Settings: the one way in, for start-up, reload, `postern check` and `postern config show` alike.
// Blocking (it reads files); control thread or before the cores start. Never throws for anything that a file holds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "config/environment.h"
#include "config/node.h"
#include "config/settings.h"

namespace postern::config {

struct LoadResult {
  std::string file;
  Settings settings;  // whole only when ok(); until then faulty keys hold their defaults
  Origins origins;
  std::vector<Diagnostic> diagnostics;  // in the file's order
  bool parsed = false;                  // the TOML itself could be read

  bool ok() const { return diagnostics.empty(); }

  /// A further complaint about a key, with its position: for checks that need more than the text (certificates...).
  Diagnostic diagnostic(std::string key, std::string message, std::string expected = {}) const;
};

/// `file_name` is for messages, and its folder is what relative file names are seen from.
LoadResult load(std::string_view text, std::string file_name, const Environment& environment);

/// Reads the file (4 MiB at most) and the process's own environment.
LoadResult load_file(const std::string& path);

/// A TOML file that is no config, such as a table of test cases, as a plain tree. False, with diagnostics: it cannot be
/// read.
bool load_tree(const std::string& path, Node& root, std::vector<Diagnostic>& diagnostics);

/// Puts diagnostics into the file's order; a second one about the same key is dropped.
void arrange(std::vector<Diagnostic>& diagnostics);

}  // namespace postern::config
