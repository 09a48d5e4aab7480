// By the config's name: that of [[issuer]]; what stands for one where there is none ("api-keys").
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kIssuerFact;
constinit const FactKind kIssuerFact{.name = "issuer",
                                     .doc = "The name in the config of the issuer that vouches for the caller.",
                                     .type = FactType::text,
                                     .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                       if (!input.principal) return;
                                       out.text = input.principal->issuer_name;
                                       out.known = !out.text.empty();
                                     }};

}  // namespace postern::policy
