// Roles may come from groups, so that more of them may exist where groups could not all be told: those that we know of
// hold, whether others do is unknown.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kRolesFact;
constinit const FactKind kRolesFact{.name = "roles",
                                    .doc = "The caller's roles: the issuer's, and those of [[role_mapping]].",
                                    .type = FactType::list,
                                    .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                      if (!input.principal) return;
                                      out.complete = !input.principal->groups_incomplete;
                                      out.list = input.principal->roles;
                                      out.known = true;
                                    }};

}  // namespace postern::policy
