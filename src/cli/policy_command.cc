#include "cli/policy_command.h"

#include <fmt/format.h>

#include <ostream>

#include "cli/config_commands.h"
#include "cli/policy_cases.h"

namespace postern::cli {
namespace {

/// What came of a case, in one line: "allow (route predict, policy ml: allow[0])".
std::string outcome(const Judgement& judged) {
  std::string more;
  const auto add = [&more](const std::string& text) { more += (more.empty() ? "" : ", ") + text; };
  if (judged.route) add("route " + judged.route->name);
  if (judged.policy_asked) {
    const std::string_view rule = judged.decision.rule.empty() ? judged.decision.code() : judged.decision.rule;
    add(fmt::format("policy {}: {}", judged.decision.policy, rule));
    if (judged.decision.cause == policy::Cause::deny_unknown) add("a fact is not known");
  }
  if (!judged.why.empty()) add(judged.why);
  return fmt::format("{}{}{}{}", to_string(judged.ruling), more.empty() ? "" : " (", more, more.empty() ? "" : ")");
}

/// What is not as the case wants it; empty: all is.
std::string difference(const PolicyCase& wanted, const Judgement& judged) {
  const std::string_view ruling = to_string(judged.ruling);
  const bool same = wanted.expect == "deny" ? judged.ruling != Ruling::allow : wanted.expect == ruling;
  if (!same) return fmt::format("expected {}", wanted.expect);
  if (!wanted.route.empty() && (!judged.route || judged.route->name != wanted.route))
    return fmt::format("expected route {}", wanted.route);
  if (!wanted.policy.empty() && (!judged.policy_asked || judged.decision.policy != wanted.policy))
    return fmt::format("expected policy {} to decide", wanted.policy);
  if (!wanted.rule.empty() && (!judged.policy_asked || judged.decision.rule != wanted.rule))
    return fmt::format("expected rule {} to decide", wanted.rule);
  return {};
}

}  // namespace

int policy_test_command(const std::string& file, const std::string& config, std::ostream& out, std::ostream& err) {
  std::vector<config::Diagnostic> diagnostics;
  PolicyCases table = read_policy_cases(file, diagnostics);
  std::unique_ptr<const Rulebook> book;
  if (diagnostics.empty()) book = Rulebook::load(config.empty() ? table.config : config, diagnostics);
  print_diagnostics(diagnostics, err);
  if (!book) return 2;
  std::size_t failed = 0;
  for (std::size_t i = 0; i < table.cases.size(); ++i) {
    PolicyCase& one = table.cases[i];
    if (one.who) map_roles(book->settings().role_mappings, *one.who);
    const Judgement judged = book->judge(one.ask, one.who ? &*one.who : nullptr);
    const std::string wrong = difference(one, judged);
    const std::string name = one.name.empty() ? fmt::format("case {}", i + 1) : one.name;
    if (wrong.empty()) {
      out << fmt::format("ok    {}: {}\n", name, outcome(judged));
      continue;
    }
    ++failed;
    out << fmt::format("FAIL  {} (line {}): {}, got {}\n", name, one.line, wrong, outcome(judged));
  }
  out << fmt::format("{} cases, {} failed\n", table.cases.size(), failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace postern::cli
