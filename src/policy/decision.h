// What a policy answers. Views into the PolicySet that made it, which the request's snapshot keeps alive; trivially
// copyable, made without allocation.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::policy {

enum class Cause : std::uint8_t {
  no_allow_rule,    // refused: no allow rule holds
  deny_rule,        // refused: a deny rule holds
  deny_unknown,     // refused: a deny rule may hold, as a fact that it needs is not known
  allow_rule,       // let in: an allow rule holds, and no deny rule
  authenticated,    // the built-in policy: let in
  unauthenticated,  // the built-in policy: refused
};

/// The reason's code, for logs, problem documents and metrics.
constexpr std::string_view to_string(Cause cause) noexcept {
  constexpr std::string_view kCodes[] = {"no_allow_rule", "deny_rule",     "deny_unknown",
                                         "allow_rule",    "authenticated", "unauthenticated"};
  return kCodes[static_cast<std::size_t>(cause)];
}

enum class RuleKind : std::uint8_t { deny, allow };

constexpr std::string_view to_string(RuleKind kind) noexcept { return kind == RuleKind::deny ? "deny" : "allow"; }

struct Decision {
  static constexpr std::uint32_t kNoRule = ~0u;

  bool allowed = false;
  Cause cause = Cause::no_allow_rule;
  std::uint32_t index = kNoRule;  // of the rule, within its kind; kNoRule: none decided
  std::string_view policy;        // its name
  std::string_view rule;          // "deny[0]"; empty: none decided

  [[nodiscard]] std::string_view code() const noexcept { return to_string(cause); }
};

}  // namespace postern::policy
