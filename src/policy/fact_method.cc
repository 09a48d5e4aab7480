// Case-sensitive, as methods are (RFC 9110 9.1).
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kMethodFact;
constinit const FactKind kMethodFact{.name = "method",
                                     .doc = "The request's method, in capitals as HTTP has it.",
                                     .type = FactType::text,
                                     .refuse = [](std::string_view text, bool) noexcept -> const char* {
                                       for (const char c : text) {
                                         if (c >= 'a' && c <= 'z') return "methods are written in capitals";
                                       }
                                       return nullptr;
                                     },
                                     .read =
                                         [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                           out.text = input.method;
                                           out.known = !out.text.empty();
                                         }};

}  // namespace postern::policy
