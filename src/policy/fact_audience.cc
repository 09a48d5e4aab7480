// The `aud` of the caller's token, one by one. That one of them is ours was checked before.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kAudienceFact;
constinit const FactKind kAudienceFact{.name = "audience",
                                       .doc = "Whom the caller's token is meant for.",
                                       .type = FactType::list,
                                       .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                         if (!input.principal) return;
                                         out.list = input.principal->audiences;
                                         out.known = true;
                                       }};

}  // namespace postern::policy
