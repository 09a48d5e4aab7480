// The policies of one config, compiled: built with the snapshot (start, reload, check), read by all cores, immutable.
// evaluate() is what requests run: a pure function of its input that neither allocates, waits nor throws. Regular
// expressions are RE2's, one copy per core (16 at most), so that cores share nothing there.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings_policy.h"
#include "policy/decision.h"
#include "policy/tri.h"
#include "postern/policy_fact.h"

namespace postern::policy {

/// The policy that needs no words: whoever is known. No [[policy]] may have its name.
inline constexpr std::string_view kAuthenticated = "authenticated";

/// A mistake: `key` is the config's path to it, such as "policy[3].deny[0]".
struct Problem {
  std::string key;
  std::string message;  // begins with the place in the expression
  std::string expected;
  std::string nearest;
};

struct CompileOptions {
  std::uint32_t cores = 1;
  // What the config has; none: not checked.
  std::optional<std::vector<std::string>> path_variables;  // of any route
  std::optional<std::vector<std::string>> listeners;
  std::optional<std::vector<std::string>> routes;
};

/// One comparison of a rule, and one rule, for `postern explain`.
struct TestTrace {
  std::string text;
  Tri verdict = Tri::unknown;
};
struct RuleTrace {
  RuleKind kind = RuleKind::deny;
  std::uint32_t index = 0;
  std::string text;
  Tri verdict = Tri::unknown;
  bool decided = false;  // this is the rule that the decision names
  std::vector<TestTrace> tests;
};

struct Program;

class Policy {
 public:
  Policy(const Program& program, std::uint32_t index) noexcept : program_(&program), index_(index) {}

  [[nodiscard]] Decision evaluate(const PolicyInput& input) const noexcept;
  /// Every rule, whatever the ones before it say. Allocates.
  [[nodiscard]] std::vector<RuleTrace> trace(const PolicyInput& input) const;
  [[nodiscard]] std::string_view name() const noexcept;

 private:
  const Program* program_;
  std::uint32_t index_;
};

class PolicySet {
 public:
  /// nullptr with `problems` filled when anything is wrong; all mistakes, not the first.
  static std::unique_ptr<const PolicySet> compile(std::span<const config::Policy> policies,
                                                  const CompileOptions& options, std::vector<Problem>& problems);
  ~PolicySet();

  /// nullptr: there is none of this name. "authenticated" is always there.
  [[nodiscard]] const Policy* find(std::string_view name) const noexcept;
  [[nodiscard]] std::span<const Policy> policies() const noexcept { return policies_; }

 private:
  PolicySet();

  std::unique_ptr<Program> program_;
  std::vector<Policy> policies_;  // as the config has them, then "authenticated"
};

}  // namespace postern::policy
