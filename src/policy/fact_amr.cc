// The `amr` of the caller's token (RFC 8176).
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kAmrFact;
constinit const FactKind kAmrFact{.name = "amr",
                                  .doc = "The means by which the caller was authenticated, such as \"mfa\" or \"hwk\".",
                                  .type = FactType::list,
                                  .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                    if (!input.principal) return;
                                    out.list = input.principal->amr;
                                    out.known = true;
                                  }};

}  // namespace postern::policy
