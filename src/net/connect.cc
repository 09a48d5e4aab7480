#include "net/connect.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace postern::net {

namespace {

Error connect_error(int code) noexcept {
  Error error{Code::unreachable, Side::upstream, Retry::always};
  switch (code) {
    case ECONNREFUSED:
    case ENOENT:  // a Unix socket that nobody made yet
    case EAGAIN:  // a Unix socket whose backlog is full
      error.code = Code::refused;
      break;
    case ETIMEDOUT:
      error.code = Code::timeout;
      break;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:
      error.code = Code::exhausted;
      break;
    default:
      break;
  }
  return error;
}

}  // namespace

Task<Result<Socket>> connect(Loop& loop, const SocketAddress& address, std::int64_t timeout_ms, Socket** connecting) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) co_return connect_error(errno);
  const int on = 1;
  if (!address.is_unix()) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  int code = ::connect(fd, address.get(), address.size) == 0 ? 0 : errno;
  if (code != 0 && code != EINPROGRESS) {
    ::close(fd);
    co_return connect_error(code);
  }
  Socket socket(loop, fd);
  if (!socket.is_open()) co_return connect_error(EMFILE);
  if (code == EINPROGRESS) {
    if (connecting) *connecting = &socket;
    const Waited waited = co_await socket.writable().wait(timeout_ms);
    if (connecting) *connecting = nullptr;
    if (waited != Waited::ready)
      co_return Error{waited == Waited::timeout ? Code::timeout : Code::cancelled, Side::upstream, Retry::always};
    socklen_t size = sizeof code;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size);
    if (code != 0) co_return connect_error(code);
  }
  co_return std::move(socket);
}

}  // namespace postern::net
