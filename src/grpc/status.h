// The outcome of a gRPC call: the 17 codes, what HTTP and HTTP/2 failures become of them, and how they are written.
// The pipeline calls it for answers of postern's own, health checks for those of servers. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace postern::grpc {

enum class Status : std::uint8_t {
  ok,
  cancelled,
  unknown,
  invalid_argument,
  deadline_exceeded,
  not_found,
  already_exists,
  permission_denied,
  resource_exhausted,
  failed_precondition,
  aborted,
  out_of_range,
  unimplemented,
  internal,
  unavailable,
  data_loss,
  unauthenticated,
};
inline constexpr std::size_t kStatuses = 17;

inline constexpr std::string_view kStatusName = "grpc-status";
inline constexpr std::string_view kMessageName = "grpc-message";

/// The value of grpc-status: "0" to "16".
std::string_view to_digits(Status status) noexcept;

/// Reads a grpc-status. None: not a number, or not one of the 17.
std::optional<Status> parse_status(std::string_view text) noexcept;

/// What an HTTP status without grpc-status means (gRPC's http-grpc-status-mapping). For answers where nothing better
/// is known: 200 is not a success then, either.
Status from_http(std::uint16_t status) noexcept;

/// What an RST_STREAM with that HTTP/2 error code means (gRPC's PROTOCOL-HTTP2, "Errors").
Status from_h2_error(std::uint32_t code) noexcept;

/// Writes `text` as a grpc-message: visible ASCII but '%' as it is, every other byte as %XX. What does not fit is cut
/// off between characters.
std::string_view percent_encode(std::string_view text, std::span<char> space) noexcept;

}  // namespace postern::grpc
