// OAuth scopes, one by one.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kScopesFact;
constinit const FactKind kScopesFact{.name = "scopes",
                                     .doc = "What the caller's token or key may be used for.",
                                     .type = FactType::list,
                                     .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                       if (!input.principal) return;
                                       out.list = input.principal->scopes;
                                       out.known = true;
                                     }};

}  // namespace postern::policy
