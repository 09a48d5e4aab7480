// In either case: no mail system of today tells them apart, and a deny rule must not miss one.
#include "policy/email.h"
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kEmailFact;
constinit const FactKind kEmailFact{.name = "email",
                                    .doc = "The caller's e-mail address, once its issuer has verified it.",
                                    .type = FactType::text,
                                    .fold_case = true,
                                    .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                      out.text = email_of(input.principal);
                                      out.known = !out.text.empty();
                                    }};

}  // namespace postern::policy
