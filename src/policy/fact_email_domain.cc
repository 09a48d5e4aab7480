// Compared whole: "corp.com" is neither "evil-corp.com" nor "a.corp.com" nor "corp.com.".
#include "policy/email.h"
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kEmailDomainFact;
constinit const FactKind kEmailDomainFact{.name = "email.domain",
                                          .doc = "What follows the \"@\" of the caller's verified e-mail address.",
                                          .type = FactType::text,
                                          .fold_case = true,
                                          .refuse = [](std::string_view text, bool) noexcept -> const char* {
                                            return text.find('@') == text.npos ? nullptr
                                                                               : "what follows the \"@\" is meant";
                                          },
                                          .read =
                                              [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                                out.text = email_domain_of(input.principal);
                                                out.known = !out.text.empty();
                                              }};

}  // namespace postern::policy
