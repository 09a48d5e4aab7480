// When the request came, by this machine's clock.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kTimeFact;
constinit const FactKind kTimeFact{.name = "time",
                                   .doc = "The time of day and the weekday.",
                                   .type = FactType::time,
                                   .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                     out.seconds = input.now;
                                     out.known = input.now > 0;
                                   }};

}  // namespace postern::policy
