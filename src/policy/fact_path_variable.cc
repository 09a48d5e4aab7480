// Not known on routes whose path has no such variable. Compared as decoded.
#include "policy/path_text.h"
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kPathVariableFact;
constinit const FactKind kPathVariableFact{
    .name = "path",
    .doc = "What a variable of the route's path took.",
    .type = FactType::text,
    .parameter = "variable",
    .escaped = true,
    .read = [](const PolicyInput& input, std::string_view parameter, FactValue& out) noexcept {
      for (std::size_t i = 0; i < input.variables.size() && i < input.variable_names.size(); ++i) {
        if (input.variable_names[i] != parameter) continue;
        out.text = input.variables[i];
        out.known = !out.text.empty() && !has_parameters(out.text);
        return;
      }
    }};

}  // namespace postern::policy
