// The header fields that tell clients of their limits, as draft-ietf-httpapi-ratelimit-headers has them:
// RateLimit-Policy names each limit's quota, RateLimit what is left of the nearest one. Structured fields; names need
// no escaping, the config has checked them. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/settings_policy.h"

namespace postern::limit {

/// `"per-user";q=100;w=60`, behind what is there already.
void append_policy(std::string& policy, const config::Limit& limit);

/// `"per-user";r=12;t=30`: `reset_s` until all of it is there again. Empty: no room.
std::string_view write_rate_limit(std::string_view name, std::uint64_t left, std::uint32_t reset_s,
                                  std::span<char> space) noexcept;

}  // namespace postern::limit
