#include "server/listen_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "net/socket_address.h"

namespace postern::server {

namespace {

void set_flag(int fd, int level, int option) {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof on);
}

std::string failed(const config::Listener& listener, const char* what, int code) {
  return "listener " + listener.name + ": cannot " + what + " " + listener.address + ": " + std::strerror(code);
}

/// With SO_REUSEPORT a second daemon of the same user would silently take half of the connections: a bind without it
/// tells whether somebody is there.
int probe(const net::SocketAddress& address) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
  if (address.family() == AF_INET6) set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  int code = ::bind(fd, address.get(), address.size) == 0 ? 0 : errno;
  if (code == 0 && ::listen(fd, 1) != 0) code = errno;
  ::close(fd);
  return code;
}

int open_tcp(const config::Listener& listener, const net::SocketAddress& address, std::string& error) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    error = failed(listener, "open a socket for", errno);
    return -1;
  }
  set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
  set_flag(fd, SOL_SOCKET, SO_REUSEPORT);
  set_flag(fd, IPPROTO_TCP, TCP_NODELAY);  // accepted sockets inherit it
  if (address.family() == AF_INET6) set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  if (::bind(fd, address.get(), address.size) != 0 || ::listen(fd, static_cast<int>(listener.backlog)) != 0) {
    error = failed(listener, "listen on", errno);
    ::close(fd);
    return -1;
  }
  return fd;
}

/// A socket file that nobody serves is a leftover and goes; one that answers is somebody else's.
bool is_served(const net::SocketAddress& address) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool served = ::connect(fd, address.get(), address.size) == 0 || errno == EAGAIN;
  ::close(fd);
  return served;
}

int open_unix(const config::Listener& listener, const net::SocketAddress& address, std::string& error) {
  const char* path = reinterpret_cast<const sockaddr_un*>(address.get())->sun_path;
  struct stat there {};
  if (::lstat(path, &there) == 0) {
    if (!S_ISSOCK(there.st_mode) || is_served(address)) {
      error = failed(listener, "listen on", EADDRINUSE);
      return -1;
    }
    ::unlink(path);
  }
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const auto mode = static_cast<mode_t>(std::strtoul(listener.unix_mode.c_str(), nullptr, 8));
  if (fd < 0 || ::bind(fd, address.get(), address.size) != 0 || ::chmod(path, mode) != 0 ||
      ::listen(fd, static_cast<int>(listener.backlog)) != 0) {
    error = failed(listener, "listen on", errno);
    if (fd >= 0) ::close(fd);
    return -1;
  }
  return fd;
}

/// A core that has no socket gets one of its own where the group takes another, or shares one: each connection then
/// wakes all who share it, and all but one find nothing.
ListenSockets adopt(const config::Listener& listener, std::size_t cores, std::vector<int> inherited) {
  ListenSockets out;
  out.fds = std::move(inherited);
  const int first = out.fds.front();
  for (const int fd : out.fds) {
    ::listen(fd, static_cast<int>(listener.backlog));
    if (net::local_of(fd).family() != AF_UNIX) set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
  }
  int grouped = 0;
  socklen_t size = sizeof grouped;
  ::getsockopt(first, SOL_SOCKET, SO_REUSEPORT, &grouped, &size);
  const net::SocketAddress address = net::local_of(first);
  while (out.fds.size() < cores) {
    std::string ignored;  // another user's group: then it is shared
    int fd = grouped && !address.is_unix() ? open_tcp(listener, address, ignored) : -1;
    if (fd < 0) fd = ::fcntl(first, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) break;
    out.fds.push_back(fd);
  }
  return out;
}

}  // namespace

std::string socket_key(const config::Listener& listener) {
  return listener.address.ends_with(":0") ? listener.name + " " + listener.address : listener.address;
}

ListenSockets open_listener(const config::Listener& listener, std::size_t cores, std::vector<int> inherited) {
  if (!inherited.empty()) return adopt(listener, cores, std::move(inherited));
  ListenSockets out;
  const std::vector<net::SocketAddress> addresses = net::resolve_now(listener.address);
  if (addresses.empty()) {
    out.error = "listener " + listener.name + ": " + listener.address + " is no address to listen on";
    return out;
  }
  net::SocketAddress address = addresses.front();
  const bool any_port = !address.is_unix() && net::to_address(address).port == 0;
  if (!address.is_unix() && !any_port) {
    if (const int code = probe(address)) {
      out.error = failed(listener, "listen on", code);
      return out;
    }
  }
  for (std::size_t i = 0; i < cores; ++i) {
    int fd = -1;
    if (address.is_unix()) {
      fd = i == 0 ? open_unix(listener, address, out.error) : ::fcntl(out.fds.front(), F_DUPFD_CLOEXEC, 0);
    } else {
      fd = open_tcp(listener, address, out.error);
      if (any_port && fd >= 0 && i == 0) address = net::local_of(fd);  // the other cores share what the kernel chose
    }
    if (fd < 0) break;
    out.fds.push_back(fd);
  }
  if (out.fds.size() == cores) return out;
  for (const int fd : out.fds) ::close(fd);
  out.fds.clear();
  if (out.error.empty()) out.error = failed(listener, "listen on", EMFILE);
  return out;
}

}  // namespace postern::server
