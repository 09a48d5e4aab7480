#include "net/cidr.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace postern::net {

bool Cidr::contains(const http::Address& address) const noexcept {
  if (address.size != network.size) return false;
  const unsigned whole = bits / 8;
  if (std::memcmp(address.bytes.data(), network.bytes.data(), whole) != 0) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xFFu << (8 - rest) & 0xFFu;
  return (address.bytes[whole] & mask) == (network.bytes[whole] & mask);
}

std::optional<Cidr> parse_cidr(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const std::optional<http::Address> ip = http::parse_ip(text.substr(0, slash));
  if (!ip) return std::nullopt;
  const unsigned most = ip->size * 8u;
  Cidr out{*ip, most};
  if (slash == std::string_view::npos) return out;
  const std::string_view digits = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.bits);
  if (error != std::errc() || end != digits.data() + digits.size() || out.bits > most) return std::nullopt;
  return out;
}

CidrList::CidrList(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    if (text == "unix") {
      unix_ = true;
    } else if (const auto cidr = parse_cidr(text)) {
      networks_.push_back(*cidr);
    }
  }
}

bool CidrList::contains(const http::Address& address) const noexcept {
  if (!address.is_known()) return unix_;
  return std::any_of(networks_.begin(), networks_.end(), [&](const Cidr& c) { return c.contains(address); });
}

}  // namespace postern::net
