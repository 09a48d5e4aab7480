// `azp`, `client_id` or `cid` of the caller's token.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kClientIdFact;
constinit const FactKind kClientIdFact{.name = "client_id",
                                       .doc = "The program that the token was given to.",
                                       .type = FactType::text,
                                       .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                         if (!input.principal) return;
                                         out.text = input.principal->client_id;
                                         out.known = !out.text.empty();
                                       }};

}  // namespace postern::policy
