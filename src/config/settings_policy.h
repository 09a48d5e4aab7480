// Settings of policies ([[policy]]: may they?) and limits ([[limit]]: how much?). Part of Settings; see settings.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace postern::config {

/// A deny rule that holds refuses; else an allow rule that holds lets in; else refused.
struct Policy {
  std::string name;
  std::vector<std::string> deny;  // expressions: docs/policies.md
  std::vector<std::string> allow;
};

/// Roles of our own for what identity providers call groups and roles.
struct RoleMapping {
  std::string role;
  std::string issuer;               // an [[issuer]]'s name; empty: any
  std::vector<std::string> groups;  // one of them
  std::vector<std::string> roles;   // or one of these
};

enum class LimitKey : std::uint8_t { all, subject, group, api_key, client, route, model, issuer };

struct Limit {
  std::string name;
  std::vector<std::string> per;  // what has buckets of its own, together: "subject", "model"...; empty: one for all
  std::uint64_t requests = 0;    // per interval; 0: no limit
  std::uint64_t burst = 0;       // 0: as `requests`
  std::uint64_t body_bytes = 0;  // per interval; 0: no limit
  std::uint32_t concurrent = 0;  // at a time; 0: no limit
  std::chrono::milliseconds interval{};
  std::uint32_t max_keys = 0;  // buckets that are remembered
};

}  // namespace postern::config
