// See peer_socket.h.
#include "accesslog/peer_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace postern::accesslog {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{100}, kLongestPause{5000}, kConnectTimeout{5000};
constexpr unsigned kUnackedMs = 20'000;  // a server that answers nothing for so long is gone

milliseconds pause_after(unsigned failures) noexcept {
  return std::min(kLongestPause, kFirstPause * (1 << std::min(failures, 10U)));
}

}  // namespace

PeerSocket::PeerSocket(std::vector<net::SocketAddress> peers, int type) : peers_(std::move(peers)), type_(type) {}

void PeerSocket::close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  is_connecting_ = false;
}

PeerSocket::State PeerSocket::find() noexcept {
  if (fd_ >= 0 && !is_connecting_) return State::ready;
  if (is_connecting_) return finish_connect(0);
  if (Clock::now() < due_) {
    errno = why_;
    return State::down;
  }
  return connect();
}

PeerSocket::State PeerSocket::connect() noexcept {
  const net::SocketAddress& peer = peers_[next_++ % peers_.size()];
  fd_ = ::socket(peer.family(), type_ | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) {
    fail(errno);
    return State::down;
  }
  if (type_ == SOCK_STREAM) {
    ::setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnackedMs, sizeof kUnackedMs);
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  if (::connect(fd_, peer.get(), peer.size) == 0) {
    failures_ = 0;
    return State::ready;
  }
  if (errno != EINPROGRESS) {
    fail(errno);
    return State::down;
  }
  is_connecting_ = true;
  due_ = Clock::now() + kConnectTimeout;
  return finish_connect(0);
}

PeerSocket::State PeerSocket::finish_connect(int timeout_ms) noexcept {
  pollfd poll_fd{fd_, POLLOUT, 0};
  if (::poll(&poll_fd, 1, timeout_ms) <= 0) {
    errno = EINPROGRESS;
    if (Clock::now() < due_) return State::connecting;
    fail(ETIMEDOUT);
    return State::down;
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) {
    fail(error);
    return State::down;
  }
  is_connecting_ = false;
  failures_ = 0;
  return State::ready;
}

void PeerSocket::fail(int why) noexcept {
  close();
  // Another address is tried at once; after a round through all of them there is a pause.
  const bool is_round_over = ++failures_ % peers_.size() == 0;
  due_ =
      is_round_over ? Clock::now() + pause_after(failures_ / static_cast<unsigned>(peers_.size()) - 1) : Clock::now();
  errno = why_ = why;
}

void PeerSocket::wait(milliseconds at_most) noexcept {
  if (fd_ >= 0) {
    pollfd poll_fd{fd_, POLLOUT, 0};
    ::poll(&poll_fd, 1, static_cast<int>(at_most.count()));
    return;
  }
  const auto until_due = std::chrono::ceil<milliseconds>(due_ - Clock::now());
  ::poll(nullptr, 0, static_cast<int>(std::clamp(until_due, milliseconds(1), at_most).count()));
}

}  // namespace postern::accesslog
