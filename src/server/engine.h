// Two executables from the same sources, one per event engine: start-up picks, and becomes the other one if need be.
// Main thread, before anything runs.
#pragma once

#include <string>

#include "config/settings.h"

namespace postern::server {

/// The engine this executable was built with: "epoll" or "io_uring".
std::string own_engine();

/// Whether the kernel (and whatever filters system calls) lets this process use io_uring; the reason when it does not.
bool io_uring_works(std::string& why_not);

/// Becomes the executable of the wanted engine when this one is another; returns when this one shall run.
/// `arguments` are main()'s.
void choose_engine(config::Engine wanted, char** arguments);

}  // namespace postern::server
