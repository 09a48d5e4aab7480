// Which of the caller's credentials was shown. Never the credential itself.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kCredentialIdFact;
constinit const FactKind kCredentialIdFact{
    .name = "credential.id",
    .doc = "The token's `jti`, the API key's id or the certificate's SHA-256.",
    .type = FactType::text,
    .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
      if (!input.principal) return;
      out.text = input.principal->credential_id;
      out.known = !out.text.empty();
    }};

}  // namespace postern::policy
