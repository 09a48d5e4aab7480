// Expressions and policies. A deny rule that holds, or that may, refuses; else an allow rule that holds lets in; else
// refused. The depth of recursion is bounded where policies are compiled.
#include "policy/program.h"

namespace postern::policy {
namespace {

/// Of a thousand policies hardly one lies in the nearest cache. Its parts are asked for at once: waiting for them one
/// by one, test after test, would take longer than all the comparing.
void ask_for(const Program& program, const Entry& entry) noexcept {
  constexpr std::uint32_t kMost = 16, kNodesInLine = 64 / sizeof(Node);
  if (entry.test_count == 0) return;
  __builtin_prefetch(program.rules.data() + entry.first_rule);
  const std::size_t left = program.nodes.size() - entry.first_node;
  for (std::size_t i = 0; i < kMost && i < left; i += kNodesInLine)
    __builtin_prefetch(program.nodes.data() + entry.first_node + i);
  for (std::uint32_t i = 0; i < kMost && i < entry.test_count; ++i)
    __builtin_prefetch(program.tests.data() + entry.first_test + i);
}

/// The verdict of a policy as a part of another one's rule.
Tri run_call(const Program& program, const Entry& entry, const PolicyInput& input) noexcept {
  if (entry.authenticated) return to_tri(input.principal != nullptr);
  ask_for(program, entry);
  Tri denied = Tri::no;
  for (std::uint32_t i = 0; i < entry.deny_count && denied != Tri::yes; ++i)
    denied = either(denied, run_node(program, program.rules[entry.first_rule + i], input));
  if (denied == Tri::yes) return Tri::no;
  Tri allowed = Tri::no;
  for (std::uint32_t i = 0; i < entry.allow_count && allowed != Tri::yes; ++i)
    allowed = either(allowed, run_node(program, program.rules[entry.first_rule + entry.deny_count + i], input));
  return both(allowed, negation(denied));
}

Decision decision(const Program& program, const Entry& entry, Cause cause, std::uint32_t rule) noexcept {
  Decision out;
  out.allowed = cause == Cause::allow_rule || cause == Cause::authenticated;
  out.cause = cause;
  out.policy = program.note(entry.name);
  if (rule == Decision::kNoRule) return out;
  out.index = rule < entry.deny_count ? rule : rule - entry.deny_count;
  out.rule = program.note(program.rule_texts[entry.first_rule + rule].label);
  return out;
}

}  // namespace

Tri run_node(const Program& program, std::uint32_t index, const PolicyInput& input) noexcept {
  const Node& node = program.nodes[index];
  switch (node.op) {
    case Node::Op::constant:
      return node.constant;
    case Node::Op::negate:
      return negation(run_node(program, node.first, input));
    case Node::Op::call:
      return run_call(program, program.policies[node.first], input);
    case Node::Op::test:
      return run_test(program, program.tests[node.first], input);
    case Node::Op::all: {
      Tri result = Tri::yes;
      for (std::uint32_t child = node.first; child != kNone && result != Tri::no; child = program.nodes[child].next)
        result = both(result, run_node(program, child, input));
      return result;
    }
    case Node::Op::any: {
      Tri result = Tri::no;
      for (std::uint32_t child = node.first; child != kNone && result != Tri::yes; child = program.nodes[child].next)
        result = either(result, run_node(program, child, input));
      return result;
    }
  }
  return Tri::unknown;
}

Decision run_policy(const Program& program, const Entry& entry, const PolicyInput& input) noexcept {
  if (entry.authenticated) {
    const Cause cause = input.principal ? Cause::authenticated : Cause::unauthenticated;
    return decision(program, entry, cause, Decision::kNoRule);
  }
  ask_for(program, entry);
  std::uint32_t doubtful = Decision::kNoRule;  // a rule that certainly holds is the better reason
  for (std::uint32_t i = 0; i < entry.deny_count; ++i) {
    const Tri verdict = run_node(program, program.rules[entry.first_rule + i], input);
    if (verdict == Tri::yes) return decision(program, entry, Cause::deny_rule, i);
    if (verdict == Tri::unknown && doubtful == Decision::kNoRule) doubtful = i;
  }
  if (doubtful != Decision::kNoRule) return decision(program, entry, Cause::deny_unknown, doubtful);
  for (std::uint32_t i = entry.deny_count; i < entry.deny_count + entry.allow_count; ++i) {
    if (run_node(program, program.rules[entry.first_rule + i], input) == Tri::yes)
      return decision(program, entry, Cause::allow_rule, i);
  }
  return decision(program, entry, Cause::no_allow_rule, Decision::kNoRule);
}

}  // namespace postern::policy
