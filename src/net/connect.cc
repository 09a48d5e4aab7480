#include "net/connect.h"

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
    case ETIMEDOUT: error.code = Code::timeout; break;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL: error.code = Code::exhausted; break;
    default: break;
  }
  return error;
}

}  // namespace

Task<Result<Socket>> connect(Loop& loop, const SocketAddress& address, std::int64_t timeout_ms) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) co_return connect_error(errno);
  prepare_socket(fd, !address.is_unix());
  int code = ::connect(fd, address.get(), address.size) == 0 ? 0 : errno;
  if (code != 0 && code != EINPROGRESS) {
    ::close(fd);
    co_return connect_error(code);
  }
  AsioSocket asio_socket(loop.io());
  boost::system::error_code failed;
  asio_socket.assign(boost::asio::generic::stream_protocol(address.family(), 0), fd, failed);
  if (failed) {
    ::close(fd);
    co_return connect_error(EMFILE);
  }
  Socket socket(loop, std::move(asio_socket));
  if (code == EINPROGRESS) {
    const Waited waited = co_await socket.writable().wait(timeout_ms);
    if (waited != Waited::ready) co_return Error{waited == Waited::timeout ? Code::timeout : Code::cancelled, Side::upstream, Retry::always};
    socklen_t size = sizeof code;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size);
    if (code != 0) co_return connect_error(code);
  }
  co_return std::move(socket);
}

}  // namespace postern::net
