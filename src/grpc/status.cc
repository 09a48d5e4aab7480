#include "grpc/status.h"

#include <array>

namespace postern::grpc {

std::string_view to_digits(Status status) noexcept {
  static constexpr std::array<std::string_view, kStatuses> kDigits{"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
                                                                   "9", "10", "11", "12", "13", "14", "15", "16"};
  return kDigits[static_cast<std::size_t>(status)];
}

std::optional<Status> parse_status(std::string_view text) noexcept {
  if (text.empty() || text.size() > 2) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value >= kStatuses) return std::nullopt;
  return static_cast<Status>(value);
}

Status from_http(std::uint16_t status) noexcept {
  switch (status) {
    case 400:
      return Status::internal;
    case 401:
      return Status::unauthenticated;
    case 403:
      return Status::permission_denied;
    case 404:
      return Status::unimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return Status::unavailable;
    default:
      return Status::unknown;
  }
}

Status from_h2_error(std::uint32_t code) noexcept {
  switch (code) {
    case 0x7:  // REFUSED_STREAM: nothing was done
      return Status::unavailable;
    case 0x8:  // CANCEL
      return Status::cancelled;
    case 0xb:  // ENHANCE_YOUR_CALM
      return Status::resource_exhausted;
    case 0xc:  // INADEQUATE_SECURITY
      return Status::permission_denied;
    default:  // NO_ERROR too: a stream that is reset was not a success
      return code <= 0xd ? Status::internal : Status::unknown;
  }
}

std::string_view percent_encode(std::string_view text, std::span<char> space) noexcept {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::size_t used = 0;
  std::size_t whole = 0;  // up to here no character is cut apart
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) whole = used;
    const bool plain = byte >= 0x20 && byte <= 0x7e && byte != '%';
    if (space.size() - used < (plain ? 1U : 3U)) return {space.data(), whole};
    if (plain) {
      space[used++] = c;
    } else {
      space[used++] = '%';
      space[used++] = kHex[byte >> 4];
      space[used++] = kHex[byte & 15];
    }
  }
  return {space.data(), used};
}

}  // namespace postern::grpc
