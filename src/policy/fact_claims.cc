// Any claim of the caller's token by its dotted path. One with several values is tested value by value; where a rule
// wants just one it is not known.
#include <algorithm>

#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kClaimsFact;
constinit const FactKind kClaimsFact{
    .name = "claims",
    .doc = "A claim of the caller's token; members of objects by dots.",
    .type = FactType::values,
    .parameter = "path",
    .read = [](const PolicyInput& input, std::string_view parameter, FactValue& out) noexcept {
      if (!input.principal) return;
      const auto by_path = [](const Claim& claim) -> std::string_view { return claim.path; };
      const auto first = std::ranges::lower_bound(input.principal->claims, parameter, {}, by_path);
      auto last = first;  // mostly one, or none
      while (last != input.principal->claims.end() && last->path == parameter) ++last;
      out.claims = {first, last};
      out.known = !out.claims.empty();
    }};

}  // namespace postern::policy
