// Every balancer there is. A new one is a file in this folder that defines `constinit const BalancerKind kXxx`, named
// after the file (p2c_ewma.cc: kP2cEwma): CMake writes the table from the files. For the snapshot builder and the
// command line; constant, any thread.
#pragma once

#include <span>
#include <string_view>

#include "postern/balancer.h"

namespace postern::balance {

/// By name.
std::span<const BalancerKind* const> kinds() noexcept;
/// nullptr: there is none of this name.
const BalancerKind* find_kind(std::string_view name) noexcept;

}  // namespace postern::balance
