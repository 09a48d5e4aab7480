// An IP address and port as plain bytes, for headers that carry addresses (X-Forwarded-For, Forwarded, PROXY).
// A value; any thread. Knows no sockets: net converts. Size 0 is "not known" (a Unix peer).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::http {

struct Address {
  std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 uses the first four
  std::uint8_t size = 0;                 // 0 none, 4, 16
  std::uint16_t port = 0;                // 0: not given

  [[nodiscard]] bool is_known() const noexcept { return size != 0; }
  friend bool operator==(const Address&, const Address&) = default;
};

/// "192.0.2.1" or "2001:db8::1": no brackets, no port, no zone, no leading zeros in IPv4.
/// ::ffff:a.b.c.d stays IPv6; unmapped() folds it.
std::optional<Address> parse_ip(std::string_view text) noexcept;
/// The same with an optional port: "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80", "2001:db8::1".
std::optional<Address> parse_ip_port(std::string_view text) noexcept;
/// An IPv4-mapped IPv6 address as IPv4, anything else as it is.
Address unmapped(const Address& address) noexcept;

inline constexpr std::size_t kIpTextMax = 45;
/// RFC 5952 text without port and brackets; returns the end, at most kIpTextMax on. Nothing for size 0.
char* write_ip(char* out, const Address& address) noexcept;

}  // namespace postern::http
