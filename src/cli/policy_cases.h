// The file of `postern policy test`: a TOML table of requests, of who sends them, and of what shall come of it. Reading
// it reports every mistake with its line, as a config's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/rulebook.h"
#include "config/diagnostic.h"
#include "postern/principal.h"

namespace postern::cli {

struct PolicyCase {
  std::string name;
  std::uint32_t line = 0;
  Ask ask;
  std::optional<Principal> who;  // none: nobody
  // What shall come of it; empty: no matter.
  std::string expect;  // a Ruling, or "deny": whichever refuses
  std::string rule;    // "deny[0]"
  std::string policy;
  std::string route;
};

struct PolicyCases {
  std::string config;  // as seen from the file's folder
  std::vector<PolicyCase> cases;
};

/// With diagnostics when something is wrong; then the result is of no use.
PolicyCases read_policy_cases(const std::string& path, std::vector<config::Diagnostic>& diagnostics);

/// Adds the roles that the config gives this caller.
void map_roles(const std::vector<config::RoleMapping>& mappings, Principal& who);

}  // namespace postern::cli
