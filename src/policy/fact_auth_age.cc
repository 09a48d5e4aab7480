// Since the `auth_time` of the caller's token; not known where it has none.
#include <algorithm>

#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kAuthAgeFact;
constinit const FactKind kAuthAgeFact{.name = "auth_age",
                                      .doc = "How long ago the caller was authenticated.",
                                      .type = FactType::duration,
                                      .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                        if (!input.principal || input.principal->auth_time <= 0 || input.now <= 0)
                                          return;
                                        // Clocks may differ a little. A login that lies further ahead is a lie or a
                                        // fault: nothing is known then.
                                        constexpr std::int64_t kSkew = 300;
                                        if (input.principal->auth_time > input.now + kSkew) return;
                                        out.seconds = std::max<std::int64_t>(input.now - input.principal->auth_time, 0);
                                        out.known = true;
                                      }};

}  // namespace postern::policy
