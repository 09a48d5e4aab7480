// Admin addresses: "127.0.0.1:9180", "[::1]:9180", "localhost:9180", "unix:/path". Shared by server and client.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string>
#include <string_view>

namespace postern::admin {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  std::string unix_path;  // empty: TCP

  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// No names are looked up except "localhost", which is 127.0.0.1.
std::optional<SocketAddress> parse_address(std::string_view text);

/// The form that parse_address() reads; for what getsockname() gave.
std::string to_string(const SocketAddress& address);

}  // namespace postern::admin
