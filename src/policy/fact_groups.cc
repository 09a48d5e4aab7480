// Not known at all where the issuer could not tell all of them (Entra's overage): a part would let people slip past
// deny rules on the rest.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kGroupsFact;
constinit const FactKind kGroupsFact{.name = "groups",
                                     .doc = "The caller's groups at the issuer.",
                                     .type = FactType::list,
                                     .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                       if (!input.principal) return;
                                       out.complete = !input.principal->groups_incomplete;
                                       if (!out.complete) return;
                                       out.list = input.principal->groups;
                                       out.known = true;
                                     }};

}  // namespace postern::policy
