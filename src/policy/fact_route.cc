// By the config's name, so that one policy can serve several routes.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kRouteFact;
constinit const FactKind kRouteFact{.name = "route",
                                    .doc = "The name of the route that the request takes.",
                                    .type = FactType::text,
                                    .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                      out.text = input.route;
                                      out.known = !out.text.empty();
                                    }};

}  // namespace postern::policy
