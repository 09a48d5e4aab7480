// Known even where nobody is: "none".
#include <array>

#include "postern/policy_fact.h"

namespace postern::policy {

namespace {

constexpr std::array<std::string_view, 6> kKinds{"none", "jwt", "opaque", "api_key", "certificate", "session"};

}  // namespace

extern const FactKind kCredentialFact;
constinit const FactKind kCredentialFact{
    .name = "credential",
    .doc = "How the caller has shown who it is: none, jwt, opaque, api_key, certificate or session.",
    .type = FactType::text,
    .words = kKinds,
    .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
      out.text = to_string(input.principal ? input.principal->credential : CredentialKind::none);
      out.known = true;
    }};

}  // namespace postern::policy
