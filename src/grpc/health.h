// grpc.health.v1.Health/Check on the wire: the request's and the answer's body, each one small message in its frame.
// Active health checks use it; the call around it is an ordinary POST over HTTP/2. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"

namespace postern::grpc {

inline constexpr std::string_view kHealthPath = "/grpc.health.v1.Health/Check";
inline constexpr std::size_t kMaxServiceName = 255;
inline constexpr std::size_t kHealthRequestMax = 5 + 3 + kMaxServiceName;
/// No sound answer is longer: more is malformed, and need not be collected.
inline constexpr std::size_t kHealthResponseMax = 256;

enum class Serving : std::uint8_t { unknown, serving, not_serving, service_unknown };

/// The body that asks for `service` (empty: the server as a whole). Empty when the name or `space` does not fit.
std::string_view write_health_request(std::string_view service, std::span<char> space) noexcept;

/// Reads the whole body of an answer: exactly one message, not compressed. Unknown fields are passed over.
Result<Serving> parse_health_response(std::string_view body) noexcept;

}  // namespace postern::grpc
