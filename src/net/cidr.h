// Lists of networks: who is trusted, who may speak PROXY. Built at load, read by cores. Values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/address.h"

namespace postern::net {

struct Cidr {
  http::Address network;
  unsigned bits = 0;

  [[nodiscard]] bool contains(const http::Address& address) const noexcept;
};

/// "10.0.0.0/8", "2001:db8::/32", "127.0.0.1".
std::optional<Cidr> parse_cidr(std::string_view text) noexcept;

class CidrList {
 public:
  CidrList() = default;
  /// Entries that are no networks are left out: the config's check has refused them. "unix" stands for Unix sockets.
  explicit CidrList(const std::vector<std::string>& texts);

  /// An address of size 0 is a Unix peer.
  [[nodiscard]] bool contains(const http::Address& address) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return networks_.empty() && !unix_; }

 private:
  std::vector<Cidr> networks_;
  bool unix_ = false;
};

}  // namespace postern::net
