#include "proxy/caller.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::proxy {

std::string_view why(Caller& caller) noexcept {
  if (!caller.refused.empty()) return caller.refused;
  const policy::Decision& decision = caller.decision;
  if (decision.policy.empty()) return {};
  std::array<char, 160>& space = caller.reason_space;
  const auto end = fmt::format_to_n(space.data(), space.size(), "{} {}{}{}", decision.code(), decision.policy,
                                    decision.rule.empty() ? "" : " ", decision.rule);
  return {space.data(), std::min(end.size, space.size())};
}

std::string_view why_not(Caller& caller) noexcept {
  return caller.refused.empty() && caller.decision.allowed ? std::string_view() : why(caller);
}

}  // namespace postern::proxy
