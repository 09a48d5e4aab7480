// The table of all sources of endpoints, made by the build from src/discovery/source_*.cc. Constant; any thread.
#pragma once

#include <span>
#include <string_view>

#include "postern/discovery.h"

namespace postern::discovery {

std::span<const DiscoveryKind* const> kinds() noexcept;

inline const DiscoveryKind* find_kind(std::string_view name) noexcept {
  for (const DiscoveryKind* kind : kinds()) {
    if (kind->name == name) return kind;
  }
  return nullptr;
}

}  // namespace postern::discovery
