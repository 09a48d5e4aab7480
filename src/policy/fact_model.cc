// One segment of the path. Compared as decoded: "a%20b" is "a b", so that no spelling slips past a rule.
#include "policy/path_text.h"
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kModelFact;
constinit const FactKind kModelFact{.name = "model",
                                    .doc = "The model that the request names: the path's {model}.",
                                    .type = FactType::text,
                                    .escaped = true,
                                    .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                      out.text = input.model;
                                      out.known = !out.text.empty() && !has_parameters(out.text);
                                    }};

}  // namespace postern::policy
