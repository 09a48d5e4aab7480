#include "grpc/health.h"

#include <cstring>

namespace postern::grpc {

namespace {

constexpr std::size_t kFramePrefix = 5;
constexpr Error kMalformed{Code::malformed, Side::upstream, Retry::never};

unsigned byte_at(std::string_view text, std::size_t i) noexcept { return static_cast<unsigned char>(text[i]); }

bool skip(std::string_view& in, std::uint64_t bytes) noexcept {
  if (bytes > in.size()) return false;
  in.remove_prefix(static_cast<std::size_t>(bytes));
  return true;
}

/// At most ten bytes, and at most 64 bits.
bool take_varint(std::string_view& in, std::uint64_t& value) noexcept {
  value = 0;
  for (unsigned i = 0; i < 10 && i < in.size(); ++i) {
    const std::uint64_t byte = byte_at(in, i);
    if (i == 9 && byte > 1) return false;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return skip(in, i + 1);
  }
  return false;
}

bool skip_field(std::string_view& in, std::uint64_t wire_type) noexcept {
  std::uint64_t value = 0;
  switch (wire_type) {
    case 0:
      return take_varint(in, value);
    case 1:
      return skip(in, 8);
    case 2:
      return take_varint(in, value) && skip(in, value);
    case 5:
      return skip(in, 4);
    default:  // groups are of another age
      return false;
  }
}

Result<Serving> parse_message(std::string_view message) noexcept {
  std::uint64_t status = 0;
  while (!message.empty()) {
    std::uint64_t tag = 0;
    if (!take_varint(message, tag) || tag >> 3 == 0 || tag > 0xffffffff) return kMalformed;
    const std::uint64_t wire_type = tag & 7;
    if (tag >> 3 == 1) {
      if (wire_type != 0 || !take_varint(message, status)) return kMalformed;
    } else if (!skip_field(message, wire_type)) {
      return kMalformed;
    }
  }
  // A number from a later version of the protocol is no promise to serve.
  return status <= static_cast<std::uint64_t>(Serving::service_unknown) ? static_cast<Serving>(status)
                                                                        : Serving::unknown;
}

}  // namespace

std::string_view write_health_request(std::string_view service, std::span<char> space) noexcept {
  if (service.size() > kMaxServiceName || space.size() < kHealthRequestMax) return {};
  char* out = space.data() + kFramePrefix;
  if (!service.empty()) {  // field 1, length-delimited; the default value is not written
    *out++ = 0x0a;
    if (service.size() >= 0x80) *out++ = static_cast<char>(0x80 | (service.size() & 0x7f));
    *out++ = static_cast<char>(service.size() >= 0x80 ? service.size() >> 7 : service.size());
    std::memcpy(out, service.data(), service.size());
    out += service.size();
  }
  const auto size = static_cast<std::size_t>(out - space.data()) - kFramePrefix;
  std::memset(space.data(), 0, kFramePrefix);
  space[3] = static_cast<char>(size >> 8);
  space[4] = static_cast<char>(size);
  return {space.data(), kFramePrefix + size};
}

Result<Serving> parse_health_response(std::string_view body) noexcept {
  if (body.size() < kFramePrefix || body.size() > kHealthResponseMax) return kMalformed;
  if (byte_at(body, 0) != 0) return kMalformed;  // compressed: nobody asked for that
  std::size_t size = 0;
  for (std::size_t i = 1; i < kFramePrefix; ++i) size = size << 8 | byte_at(body, i);
  if (size != body.size() - kFramePrefix) return kMalformed;
  return parse_message(body.substr(kFramePrefix));
}

}  // namespace postern::grpc
