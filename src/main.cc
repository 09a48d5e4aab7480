// The process's entry. Everything it does is a subcommand.

#include <exception>
#include <iostream>

#include "cli/command_line.h"

int main(int argc, char** argv) {
  try {
    return postern::cli::run_command_line(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "postern: " << e.what() << "\n";
    return 1;
  }
}
