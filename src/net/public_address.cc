#include "net/public_address.h"

#include <algorithm>
#include <array>
#include <span>

namespace postern::net {
namespace {

using Bytes = std::span<const std::uint8_t>;

struct Network {
  std::array<std::uint8_t, 6> bytes;
  unsigned bits;
};

// RFC 6890 and its successors in IANA's registries of special-purpose addresses.
constexpr std::array<Network, 15> kV4{{
    {{0}, 8},
    {{10}, 8},
    {{100, 64}, 10},
    {{127}, 8},
    {{169, 254}, 16},
    {{172, 16}, 12},
    {{192, 0, 0}, 24},
    {{192, 0, 2}, 24},
    {{192, 88, 99}, 24},
    {{192, 168}, 16},
    {{198, 18}, 15},
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 4},
    {{240}, 4},
}};

// All that is public begins with 001 (2000::/3); these parts of it are not.
constexpr std::array<Network, 5> kV6{{
    {{0x20, 0x01, 0x00}, 23},             // protocol assignments: Teredo, ORCHID...
    {{0x20, 0x01, 0x0d, 0xb8}, 32},       // documentation
    {{0x3f, 0xff, 0x00}, 20},             // documentation
    {{0x5f, 0x00}, 16},                   // segment routing
    {{0x20, 0x01, 0x00, 0x02, 0, 0}, 48}  // benchmarking
}};

bool is_in(Bytes address, const Network& network) noexcept {
  for (unsigned bit = 0; bit < network.bits; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if (((address[bit / 8] ^ network.bytes[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

template <std::size_t N>
bool is_in_any(Bytes address, const std::array<Network, N>& networks) noexcept {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& network) { return is_in(address, network); });
}

bool is_public_v4(Bytes address) noexcept { return !is_in_any(address, kV4); }

bool is_public_v6(Bytes address) noexcept {
  constexpr std::array<std::uint8_t, 12> kTranslated{0x00, 0x64, 0xff, 0x9b};  // 64:ff9b::/96
  if (std::equal(kTranslated.begin(), kTranslated.end(), address.begin())) return is_public_v4(address.subspan(12, 4));
  if (address[0] == 0x20 && address[1] == 0x02) return is_public_v4(address.subspan(2, 4));  // 6to4
  return (address[0] & 0xe0) == 0x20 && !is_in_any(address, kV6);
}

}  // namespace

bool is_public(const http::Address& any) noexcept {
  const http::Address address = http::unmapped(any);
  if (address.size == 4) return is_public_v4(Bytes(address.bytes).first(4));
  return address.size == 16 && is_public_v6(address.bytes);
}

}  // namespace postern::net
