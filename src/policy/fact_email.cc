// In either case: no mail system of today tells them apart, and a deny rule must not miss one.
#include "policy/email.h"
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kEmailFact;
constinit const FactKind kEmailFact{.name = "email",
                                    .doc = "The caller's e-mail address, once its issuer has verified it.",
                                    .type = FactType::text,
                                    .fold_case = true,
                                    .refuse = [](std::string_view text, bool whole) noexcept -> const char* {
                                      const std::size_t at = text.find('@');
                                      if (!whole || (at != text.npos && text.find('@', at + 1) == text.npos))
                                        return nullptr;
                                      return "an address with one \"@\" is meant; email.domain is what follows it";
                                    },
                                    .read =
                                        [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                          out.text = email_of(input.principal);
                                          out.known = !out.text.empty();
                                        }};

}  // namespace postern::policy
