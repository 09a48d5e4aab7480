// See listen.h.
#include "admin/listen.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace postern::admin {
namespace {

constexpr int kBacklog = 64;

int new_socket(const SocketAddress& address) noexcept {
  return ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/// True when the path is a socket to which nobody answers.
bool is_dead_socket(const SocketAddress& address) {
  struct stat status {};
  if (::lstat(address.unix_path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const int probe = new_socket(address);
  if (probe < 0) return false;
  const bool is_dead = ::connect(probe, address.get(), address.length) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return is_dead;
}

int bind_and_listen(int fd, const SocketAddress& address) {
  const int on = 1;
  if (address.unix_path.empty()) {
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return ::bind(fd, address.get(), address.length) != 0 || ::listen(fd, kBacklog) != 0 ? errno : 0;
  }
  if (is_dead_socket(address)) ::unlink(address.unix_path.c_str());
  if (::bind(fd, address.get(), address.length) != 0) return errno;
  // Nobody can connect before listen(), so the mode is right before it matters.
  if (::chmod(address.unix_path.c_str(), 0660) != 0 || ::listen(fd, kBacklog) != 0) return errno;
  return 0;
}

}  // namespace

int open_listener(SocketAddress& address) {
  const int fd = new_socket(address);
  const int failure = fd < 0 ? errno : bind_and_listen(fd, address);
  if (failure != 0) {
    if (fd >= 0) ::close(fd);
    throw std::system_error(failure, std::generic_category(), "admin listen " + to_string(address));
  }
  if (address.unix_path.empty()) {
    address.length = sizeof address.storage;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length);
  }
  return fd;
}

}  // namespace postern::admin
