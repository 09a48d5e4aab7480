// The `iss` of the caller's token.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kIssuerUrlFact;
constinit const FactKind kIssuerUrlFact{
    .name = "issuer.url",
    .doc = "The issuer as tokens name it, byte for byte.",
    .type = FactType::text,
    .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
      if (!input.principal) return;
      out.text = input.principal->issuer;
      out.known = !out.text.empty();
    }};

}  // namespace postern::policy
