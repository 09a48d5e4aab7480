// Arbitrary bytes as a rule. Compiling must neither crash nor recurse without end, mistakes must lie within the text
// and print on one line, and what compiles must keep the laws of three-valued logic: "not" turns the verdict round, a
// deny rule refuses whatever is not certainly false, and an explanation agrees with the decision.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "policy/policy_set.h"

namespace {

using postern::PolicyInput;
using postern::Principal;
using postern::policy::PolicySet;

void require(bool condition) {
  if (!condition) std::abort();
}

Principal somebody() {
  Principal principal;
  principal.subject = "ada";
  principal.email = "ada@corp.com";
  principal.email_verified = true;
  principal.groups = {"data", "ml\x80"};
  principal.claims = {{"a", "1"}, {"a.b", "x"}, {"a.b", "y"}};
  principal.auth_time = 1'000;
  principal.groups_incomplete = false;
  return principal;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Principal ada = somebody();
  static const std::vector<std::string> names{"team"};
  static const std::vector<std::string_view> values{"m%20l"};
  const std::string rule(reinterpret_cast<const char*>(data), size);
  const std::vector<postern::config::Policy> policies{{.name = "a", .deny = {}, .allow = {rule}},
                                                      {.name = "d", .deny = {rule}, .allow = {"true"}},
                                                      {.name = "r", .deny = {}, .allow = {"not policy('a')"}}};
  std::vector<postern::policy::Problem> problems;
  const auto set = PolicySet::compile(policies, {}, problems);
  require((set == nullptr) != problems.empty());
  for (const auto& problem : problems)
    require(!problem.message.empty() && problem.message.find('\n') == std::string::npos);
  if (!set) return 0;
  for (const Principal* principal : {&ada, static_cast<const Principal*>(nullptr)}) {
    PolicyInput input;
    input.principal = principal;
    input.method = "POST";
    input.host = "a.example.com:80";
    input.path = "/v1/m%20l";
    input.variable_names = names;
    input.variables = values;
    input.client = *postern::http::parse_ip("10.1.2.3");
    input.now = 2'000;
    const auto allowed = set->find("a")->evaluate(input);
    const auto denied = set->find("d")->evaluate(input);
    const auto reversed = set->find("r")->evaluate(input);
    require(!(allowed.allowed && denied.allowed) && !(allowed.allowed && reversed.allowed));
    const auto trace = set->find("a")->trace(input);
    require(trace.size() == 1 && trace[0].decided == allowed.allowed);
    require((trace[0].verdict == postern::policy::Tri::no) == denied.allowed);
  }
  return 0;
}
