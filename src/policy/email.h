// Which e-mail addresses count. Facts of policies only; pure.
#pragma once

#include <string_view>

#include "postern/principal.h"

namespace postern::policy {

/// The caller's address; empty unless its issuer has verified it and it has exactly one "@", which no reader can
/// misplace: addresses with a second one, or with a sign that looks like it, have let strangers in elsewhere.
std::string_view email_of(const Principal* principal) noexcept;
/// What follows the "@".
std::string_view email_domain_of(const Principal* principal) noexcept;

}  // namespace postern::policy
