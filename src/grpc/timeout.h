// grpc-timeout: how long the caller still waits. Strict, since a proxy and a server that read different deadlines out
// of one value would disagree about who gave up. Pure function, any thread.
#pragma once

#include <chrono>
#include <string_view>

#include "base/error.h"

namespace postern::grpc {

/// Longer deadlines mean this one: 99999999H is 11,000 years and would not fit into nanoseconds.
inline constexpr std::chrono::milliseconds kMaxTimeout = std::chrono::hours(24 * 365);

/// One to eight digits and one unit of H M S m u n; fractions of a millisecond are rounded up, so that postern never
/// gives up earlier than the caller does.
Result<std::chrono::milliseconds> parse_timeout(std::string_view text) noexcept;

}  // namespace postern::grpc
