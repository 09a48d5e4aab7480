// By the config's name.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kListenerFact;
constinit const FactKind kListenerFact{.name = "listener",
                                       .doc = "The name of the listener that the request came in by.",
                                       .type = FactType::text,
                                       .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                         out.text = input.listener;
                                         out.known = !out.text.empty();
                                       }};

}  // namespace postern::policy
