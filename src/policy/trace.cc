// Policy::trace: every rule with its verdict and the verdicts of its tests, for `postern explain`. Allocates; not for
// requests.
#include "policy/policy_set.h"
#include "policy/program.h"

namespace postern::policy {
namespace {

void trace_node(const Program& program, std::uint32_t index, const PolicyInput& input, std::vector<TestTrace>& out) {
  const Node& node = program.nodes[index];
  switch (node.op) {
    case Node::Op::constant:
      return;
    case Node::Op::test:
      out.push_back({std::string(program.note(program.test_sources[node.first])),
                     run_test(program, program.tests[node.first], input)});
      return;
    case Node::Op::call:
      out.push_back({"policy(\"" + std::string(program.note(program.policies[node.first].name)) + "\")",
                     run_node(program, index, input)});
      return;
    case Node::Op::negate:
      return trace_node(program, node.first, input, out);
    case Node::Op::all:
    case Node::Op::any:
      for (std::uint32_t child = node.first; child != kNone; child = program.nodes[child].next)
        trace_node(program, child, input, out);
  }
}

}  // namespace

std::vector<RuleTrace> Policy::trace(const PolicyInput& input) const {
  const Entry& entry = program_->policies[index_];
  const Decision decision = evaluate(input);
  std::vector<RuleTrace> rules;
  for (std::uint32_t i = 0; i < entry.deny_count + entry.allow_count; ++i) {
    const std::uint32_t root = program_->rules[entry.first_rule + i];
    const RuleText& text = program_->rule_texts[entry.first_rule + i];
    RuleTrace out;
    out.kind = i < entry.deny_count ? RuleKind::deny : RuleKind::allow;
    out.index = i < entry.deny_count ? i : i - entry.deny_count;
    out.text = program_->note(text.source);
    out.verdict = run_node(*program_, root, input);
    out.decided = !decision.rule.empty() && decision.rule == program_->note(text.label);
    trace_node(*program_, root, input, out.tests);
    rules.push_back(std::move(out));
  }
  return rules;
}

}  // namespace postern::policy
