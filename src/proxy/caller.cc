#include "proxy/caller.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::proxy {

std::string_view why_not(Caller& caller) noexcept {
  if (!caller.refused.empty()) return caller.refused;
  const policy::Decision& decision = caller.decision;
  if (decision.allowed || decision.policy.empty()) return {};
  std::array<char, 160>& space = caller.rate_limit_space;  // whoever may not has no use for it
  const auto end = fmt::format_to_n(space.data(), space.size(), "{} {}{}{}", decision.code(), decision.policy,
                                    decision.rule.empty() ? "" : " ", decision.rule);
  return {space.data(), std::min(end.size, space.size())};
}

}  // namespace postern::proxy
