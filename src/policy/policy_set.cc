// Compiling: every rule to nodes, then who refers to whom. Load time; the requests' part is run_policy.cc.
#include "policy/policy_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/parser.h"
#include "policy/program.h"
#include "policy/syntax_error.h"

namespace postern::policy {
namespace {

/// Tests that one evaluation may come to, with the policies that it refers to: a bound that a chain of policies, each
/// naming the next one twice, would otherwise pass soon.
constexpr std::uint64_t kMaxCost = 20'000;
constexpr std::uint32_t kMaxCopies = 16;  // of a regular expression; beyond that, cores share them
constexpr std::uint32_t kMaxChain = 8;    // policies that refer to policies
constexpr const char* kTooLong = "more than 8 policies that refer to one another in a row";

std::string rule_key(std::size_t policy, RuleKind kind, std::size_t index) {
  return fmt::format("policy[{}].{}[{}]", policy, to_string(kind), index);
}

/// Line breaks in an expression are the config's; what is counted are characters as an editor shows them.
std::string place(std::string_view source, std::size_t at) {
  const std::string_view before = source.substr(0, at);
  const std::size_t line = before.rfind('\n');
  const std::string_view left = line == before.npos ? before : before.substr(line + 1);
  const auto column =
      std::ranges::count_if(left, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }) + 1;
  if (line == before.npos) return fmt::format("at character {}: ", column);
  return fmt::format("at line {}, character {}: ", std::ranges::count(before, '\n') + 1, column);
}

class Compiler {
 public:
  Compiler(std::span<const config::Policy> policies, const CompileOptions& options, Program& program,
           std::vector<Problem>& problems)
      : policies_(policies), program_(program), problems_(problems) {
    program_.copies = std::clamp(options.cores, 1u, kMaxCopies);
    for (const config::Policy& policy : policies) names_.emplace_back(policy.name);
    names_.push_back(kAuthenticated);
    variables_ = views(options.path_variables);
    listeners_ = views(options.listeners);
    routes_ = views(options.routes);
  }

  void run() {
    const std::size_t before = problems_.size();
    for (std::size_t i = 0; i < policies_.size(); ++i) add_policy(i);
    Entry authenticated;
    authenticated.name = program_.keep_note(kAuthenticated);
    authenticated.authenticated = true;
    program_.policies.push_back(authenticated);
    if (problems_.size() == before) measure();
  }

 private:
  using Names = std::optional<std::vector<std::string_view>>;

  static Names views(const std::optional<std::vector<std::string>>& texts) {
    if (!texts) return std::nullopt;
    return std::vector<std::string_view>(texts->begin(), texts->end());
  }

  enum class State : std::uint8_t { fresh, open, done };
  struct Measure {
    State state = State::fresh;
    std::uint64_t cost = 0;
    std::uint32_t chain = 0;
  };

  void add_policy(std::size_t index) {
    const config::Policy& policy = policies_[index];
    Entry entry;
    entry.name = program_.keep_note(policy.name);
    entry.first_rule = static_cast<std::uint32_t>(program_.rules.size());
    entry.first_node = static_cast<std::uint32_t>(program_.nodes.size());
    entry.first_test = static_cast<std::uint32_t>(program_.tests.size());
    entry.deny_count = static_cast<std::uint32_t>(policy.deny.size());
    entry.allow_count = static_cast<std::uint32_t>(policy.allow.size());
    for (std::size_t i = 0; i < policy.deny.size(); ++i) add_rule(index, RuleKind::deny, i, policy.deny[i]);
    for (std::size_t i = 0; i < policy.allow.size(); ++i) add_rule(index, RuleKind::allow, i, policy.allow[i]);
    entry.test_count = static_cast<std::uint32_t>(program_.tests.size()) - entry.first_test;
    program_.policies.push_back(entry);
  }

  void add_rule(std::size_t policy, RuleKind kind, std::size_t index, const std::string& source) {
    std::uint32_t root = kNone;
    RuleText text;
    text.label = program_.keep_note(fmt::format("{}[{}]", to_string(kind), index));
    try {
      const ParseContext context{program_, names_, variables_ ? &*variables_ : nullptr,
                                 listeners_ ? &*listeners_ : nullptr, routes_ ? &*routes_ : nullptr};
      Parser parser(context, source);
      root = parser.parse();
    } catch (const SyntaxError& error) {
      problems_.push_back(
          {rule_key(policy, kind, index), place(source, error.at) + error.message, error.expected, error.nearest});
    }
    text.source = program_.keep_note(source);
    program_.rules.push_back(root);
    program_.rule_texts.push_back(text);
  }

  void measure() {
    measures_.assign(program_.policies.size(), {});
    for (std::size_t i = 0; i < program_.policies.size(); ++i) measure_policy(static_cast<std::uint32_t>(i));
  }

  const Measure& measure_policy(std::uint32_t index) {
    Measure& own = measures_[index];
    if (own.state != State::fresh) return own;
    own.state = State::open;
    const Entry& entry = program_.policies[index];
    std::uint64_t cost = 1;
    std::uint32_t chain = 0;
    for (std::uint32_t i = 0; i < entry.deny_count + entry.allow_count; ++i) {
      const bool denies = i < entry.deny_count;
      const std::string key =
          rule_key(index, denies ? RuleKind::deny : RuleKind::allow, denies ? i : i - entry.deny_count);
      measure_node(program_.rules[entry.first_rule + i], key, cost, chain);
      if (cost > kMaxCost) {
        complain(key, fmt::format("more than {} tests with those of the policies that it names", kMaxCost));
        cost = 0;
      }
      if (chain > kMaxChain) {
        complain(key, kTooLong);
        chain = 0;
      }
    }
    measures_[index] = {State::done, cost, chain};
    return measures_[index];
  }

  void measure_node(std::uint32_t index, const std::string& key, std::uint64_t& cost, std::uint32_t& chain) {
    const Node& node = program_.nodes[index];
    if (node.op == Node::Op::test) ++cost;
    if (node.op == Node::Op::call) {
      if (measures_[node.first].state == State::open)
        return complain(key, fmt::format("policy \"{}\" refers to itself, by this rule in the end",
                                         program_.note(program_.policies[node.first].name)));
      if (depth_ > kMaxChain) return complain(key, kTooLong);  // before the recursion is too deep
      ++depth_;
      const Measure& called = measure_policy(node.first);
      --depth_;
      cost += called.cost;
      chain = std::max(chain, called.chain + 1);
    }
    if (node.op != Node::Op::all && node.op != Node::Op::any && node.op != Node::Op::negate) return;
    for (std::uint32_t child = node.first; child != kNone; child = program_.nodes[child].next) {
      measure_node(child, key, cost, chain);
      if (node.op == Node::Op::negate) break;
    }
  }

  void complain(const std::string& key, std::string message) { problems_.push_back({key, std::move(message), {}, {}}); }

  std::span<const config::Policy> policies_;
  Program& program_;
  std::vector<Problem>& problems_;
  std::vector<std::string_view> names_;
  Names variables_;
  Names listeners_;
  Names routes_;
  std::uint32_t depth_ = 0;
  std::vector<Measure> measures_;
};

}  // namespace

PolicySet::PolicySet() : program_(std::make_unique<Program>()) {}
PolicySet::~PolicySet() = default;

std::unique_ptr<const PolicySet> PolicySet::compile(std::span<const config::Policy> policies,
                                                    const CompileOptions& options, std::vector<Problem>& problems) {
  const std::size_t before = problems.size();
  std::unique_ptr<PolicySet> set(new PolicySet());
  Compiler(policies, options, *set->program_, problems).run();
  if (problems.size() != before) return nullptr;
  for (std::uint32_t i = 0; i < set->program_->policies.size(); ++i) set->policies_.emplace_back(*set->program_, i);
  return set;
}

const Policy* PolicySet::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(policies_, name, &Policy::name);
  return found == policies_.end() ? nullptr : &*found;
}

std::string_view Policy::name() const noexcept { return program_->note(program_->policies[index_].name); }

Decision Policy::evaluate(const PolicyInput& input) const noexcept {
  return run_policy(*program_, program_->policies[index_], input);
}

}  // namespace postern::policy
