// Every fact there is. A new one is a file fact_<name>.cc in this folder that defines `constinit const FactKind
// k<Name>Fact`: CMake writes the table from the files. For the compiler of policies and the command line; constant, any
// thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "postern/policy_fact.h"

namespace postern::policy {

/// By file name.
std::span<const FactKind* const> kinds() noexcept;
/// The fact that a written name means, with its parameter ("claims.a.b": kClaimsFact and "a.b"). nullptr: none.
const FactKind* find_kind(std::string_view written, std::string_view& parameter) noexcept;
/// As documents write it: "claims.<path>".
std::string title(const FactKind& kind);

}  // namespace postern::policy
