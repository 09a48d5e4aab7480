// Where a socket listens or connects: IPv4, IPv6 or a Unix path, as the kernel wants it. A value; any thread.
#pragma once

#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "http/address.h"

namespace postern::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] bool is_unix() const noexcept { return family() == AF_UNIX; }
  /// "127.0.0.1:80", "[::1]:80", "unix:/path".
  [[nodiscard]] std::string text() const;
  bool operator==(const SocketAddress& other) const noexcept {
    return size == other.size && std::memcmp(&storage, &other.storage, size) == 0;
  }
};

/// The IP address and port as plain bytes; size 0 for Unix sockets.
http::Address to_address(const SocketAddress& address) noexcept;
/// The local and the remote end of a connected descriptor.
SocketAddress local_of(int fd) noexcept;
SocketAddress remote_of(int fd) noexcept;

std::optional<SocketAddress> unix_address(const std::string& path) noexcept;
std::optional<SocketAddress> ip_address(const std::string& host, std::uint16_t port) noexcept;

/// "host:port", "[v6]:port", "unix:/path"; names are looked up, which blocks: control thread only. Empty: not found.
std::vector<SocketAddress> resolve_now(const std::string& text);

}  // namespace postern::net
