// The `acr` of the caller's token (OpenID Connect Core 2; RFC 9470).
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kAcrFact;
constinit const FactKind kAcrFact{.name = "acr",
                                  .doc = "How strongly the caller was authenticated, in the issuer's words.",
                                  .type = FactType::text,
                                  .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                    if (!input.principal) return;
                                    out.text = input.principal->acr;
                                    out.known = !out.text.empty();
                                  }};

}  // namespace postern::policy
