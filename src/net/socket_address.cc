#include "net/socket_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "config/syntax.h"

namespace postern::net {

namespace {

sockaddr_in& v4(SocketAddress& a) { return reinterpret_cast<sockaddr_in&>(a.storage); }
sockaddr_in6& v6(SocketAddress& a) { return reinterpret_cast<sockaddr_in6&>(a.storage); }
const sockaddr_in& v4(const SocketAddress& a) { return reinterpret_cast<const sockaddr_in&>(a.storage); }
const sockaddr_in6& v6(const SocketAddress& a) { return reinterpret_cast<const sockaddr_in6&>(a.storage); }

}  // namespace

http::Address to_address(const SocketAddress& address) noexcept {
  http::Address out;
  if (address.family() == AF_INET) {
    out.size = 4;
    out.port = ntohs(v4(address).sin_port);
    std::memcpy(out.bytes.data(), &v4(address).sin_addr, 4);
  } else if (address.family() == AF_INET6) {
    out.size = 16;
    out.port = ntohs(v6(address).sin6_port);
    std::memcpy(out.bytes.data(), &v6(address).sin6_addr, 16);
  }
  return http::unmapped(out);
}

std::string SocketAddress::text() const {
  if (family() == AF_UNIX) {
    const auto& un = reinterpret_cast<const sockaddr_un&>(storage);
    const std::size_t length = size > offsetof(sockaddr_un, sun_path) ? ::strnlen(un.sun_path, sizeof un.sun_path) : 0;
    return "unix:" + std::string(un.sun_path, length);
  }
  char host[http::kIpTextMax + 1];
  const http::Address ip = to_address(*this);
  const std::string name(host, static_cast<std::size_t>(http::write_ip(host, ip) - host));
  return (ip.size == 16 ? "[" + name + "]" : name) + ":" + std::to_string(ip.port);
}

SocketAddress local_of(int fd) noexcept {
  SocketAddress a;
  a.size = sizeof a.storage;
  if (::getsockname(fd, a.get(), &a.size) != 0) a.size = 0;
  return a;
}

SocketAddress remote_of(int fd) noexcept {
  SocketAddress a;
  a.size = sizeof a.storage;
  if (::getpeername(fd, a.get(), &a.size) != 0) a.size = 0;
  return a;
}

std::optional<SocketAddress> unix_address(const std::string& path) noexcept {
  SocketAddress a;
  auto& un = reinterpret_cast<sockaddr_un&>(a.storage);
  if (path.empty() || path.size() >= sizeof un.sun_path) return std::nullopt;
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.c_str(), path.size() + 1);
  a.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return a;
}

std::optional<SocketAddress> ip_address(const std::string& host, std::uint16_t port) noexcept {
  SocketAddress a;
  if (::inet_pton(AF_INET, host.c_str(), &v4(a).sin_addr) == 1) {
    v4(a).sin_family = AF_INET;
    v4(a).sin_port = htons(port);
    a.size = sizeof(sockaddr_in);
    return a;
  }
  if (::inet_pton(AF_INET6, host.c_str(), &v6(a).sin6_addr) == 1) {
    v6(a).sin6_family = AF_INET6;
    v6(a).sin6_port = htons(port);
    a.size = sizeof(sockaddr_in6);
    return a;
  }
  return std::nullopt;
}

std::vector<SocketAddress> resolve_now(const std::string& text) {
  const std::optional<config::Address> parsed = config::parse_address(text);
  std::vector<SocketAddress> out;
  if (!parsed) return out;
  if (parsed->is_unix) {
    if (auto a = unix_address(parsed->path)) out.push_back(*a);
    return out;
  }
  if (auto a = ip_address(parsed->host, parsed->port)) return {*a};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(parsed->host.c_str(), std::to_string(parsed->port).c_str(), &hints, &found) != 0) return out;
  for (const addrinfo* i = found; i; i = i->ai_next) {
    SocketAddress a;
    std::memcpy(&a.storage, i->ai_addr, i->ai_addrlen);
    a.size = i->ai_addrlen;
    out.push_back(a);
  }
  ::freeaddrinfo(found);
  return out;
}

}  // namespace postern::net
