// The command line: subcommands and their options. Each does its work in a function elsewhere.
#pragma once

namespace postern::cli {

/// What main() returns.
int run_command_line(int argc, char** argv);

}  // namespace postern::cli
