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

Result<Connecting> start_connect(Loop& loop, const SocketAddress& address) noexcept {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return connect_error(errno);
  const int on = 1;
  if (!address.is_unix()) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int code = ::connect(fd, address.get(), address.size) == 0 ? 0 : errno;
  if (code != 0 && code != EINPROGRESS) {
    ::close(fd);
    return connect_error(code);
  }
  Connecting connecting{Socket(loop, fd), code == EINPROGRESS};
  if (!connecting.socket.is_open()) return connect_error(EMFILE);
  return connecting;
}

Result<void> finish_connect(Socket& socket) noexcept {
  int code = 0;
  socklen_t size = sizeof code;
  ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &code, &size);
  if (code != 0) return connect_error(code);
  return boost::system::in_place_value;
}

Task<Result<Socket>> connect(Loop& loop, const SocketAddress& address, std::int64_t timeout_ms, Socket** connecting) {
  Result<Connecting> begun = start_connect(loop, address);
  if (!begun) co_return begun.error();
  Socket socket = std::move(begun->socket);
  if (begun->is_pending) {
    if (connecting) *connecting = &socket;
    const Waited waited = co_await socket.writable().wait(timeout_ms);
    if (connecting) *connecting = nullptr;
    if (waited != Waited::ready)
      co_return Error{waited == Waited::timeout ? Code::timeout : Code::cancelled, Side::upstream, Retry::always};
    const Result<void> done = finish_connect(socket);
    if (!done) co_return done.error();
  }
  co_return std::move(socket);
}

}  // namespace postern::net
