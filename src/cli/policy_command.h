// `postern policy test FILE`: a table of cases against a config's routes and policies, for a CI of its owner's.
#pragma once

#include <iosfwd>
#include <string>

namespace postern::cli {

/// A line per case. `config`: instead of the one that the file names; empty: that one. 0: all as expected; 1: one is
/// not; 2: the file or the config is bad.
int policy_test_command(const std::string& file, const std::string& config, std::ostream& out, std::ostream& err);

}  // namespace postern::cli
