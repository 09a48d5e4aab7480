// The `postern check` and `postern config ...` subcommands as plain functions; the command line is parsed elsewhere.
// Main thread, before or without any cores. Exit codes: 0 good, 2 a bad config.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "config/load.h"

namespace postern::cli {

/// Checks that need more than the text (certificates that load, keys that match). It runs whenever the TOML could be
/// parsed, even beside other mistakes, so empty values are to be skipped; keys that are faulty already get no second
/// diagnostic. Use LoadResult::diagnostic() for positions. May throw std::exception: that becomes a diagnostic.
using DeepCheck = std::function<void(const config::LoadResult& result, std::vector<config::Diagnostic>& diagnostics)>;

/// load_file() and the deep check together: start-up and reload use it as well, so that `check` cannot disagree.
config::LoadResult load_checked(const std::string& path, const DeepCheck& deep = {});

/// A line per mistake on `err`.
void print_diagnostics(const std::vector<config::Diagnostic>& diagnostics, std::ostream& err);

int check_command(const std::string& path, std::ostream& out, std::ostream& err, const DeepCheck& deep = {});
int show_command(const std::string& path, std::ostream& out, std::ostream& err);
int reference_command(std::ostream& out);
int example_command(std::ostream& out);

}  // namespace postern::cli
