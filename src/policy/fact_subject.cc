// The caller's name at whoever vouches for it. Unique within one issuer only: rules may have to name that as well.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kSubjectFact;
constinit const FactKind kSubjectFact{
    .name = "subject",
    .doc = "Who is calling: the token's subject, the API key's or certificate's name.",
    .type = FactType::text,
    .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
      if (!input.principal) return;
      out.text = input.principal->subject;
      out.known = !out.text.empty();
    }};

}  // namespace postern::policy
