#include "balance/kinds.h"

#include <algorithm>

namespace postern::balance {

const BalancerKind* find_kind(std::string_view name) noexcept {
  const auto all = kinds();
  const auto found = std::ranges::find_if(all, [&](const BalancerKind* kind) { return kind->name == name; });
  return found == all.end() ? nullptr : *found;
}

}  // namespace postern::balance
