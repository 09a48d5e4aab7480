#include "net/socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <new>

#include "net/socket_block.h"

namespace postern::net {

namespace asio = boost::asio;

namespace {
bool would_block(int code) noexcept { return code == EAGAIN || code == EWOULDBLOCK; }
}  // namespace

Readiness::Readiness(SocketBlock& block, bool reads) noexcept
    : block_(block),
      deadline_([](void* self) noexcept { static_cast<Readiness*>(self)->resume(Waited::timeout); }, this),
      reads_(reads) {}

void Readiness::clear_ready() noexcept { ready_ = reads_ && block_.hung_up; }

// Readability is reported anyway; writability only since it was first missed.
void Readiness::arm() noexcept {
  if (!reads_) block_.loop.reactor().want_writable(block_);
}

void Readiness::suspend(std::coroutine_handle<> waiter, std::int64_t timeout_ms) noexcept {
  waiter_ = waiter;
  ++waits_;
  arm();
  deadline_.set(block_.loop, timeout_ms);
}

void Readiness::fired() noexcept {
  ready_ = true;
  if (waiter_) {
    resume(Waited::ready);
  } else if (reads_ && block_.observer) {
    block_.observer->on_readable();
  }
}

void Readiness::resume(Waited result) noexcept {
  deadline_.forget();
  result_ = result;
  std::exchange(waiter_, nullptr).resume();
}

void Readiness::cancel() noexcept {
  cancelled_ = true;
  interrupt();
}

void Readiness::interrupt() noexcept {
  if (!waiter_) return;
  deadline_.forget();
  ++block_.references;
  // Not resumed from here: the caller may be deep inside what that coroutine is about to destroy.
  asio::post(block_.loop.io(), [this, wait = waits_] {
    SocketBlock& block = block_;
    if (waiter_ && waits_ == wait) resume(Waited::cancelled);  // a report may have come first: the next wait is another
    block.drop_reference();
  });
}

Socket::Socket(Loop& loop, int fd) noexcept {
  void* memory = loop.frames().allocate(sizeof(SocketBlock));
  block_ = new (memory) SocketBlock(loop, fd);
  if (!loop.reactor().add(*block_)) close();
}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    block_ = std::exchange(other.block_, nullptr);
  }
  return *this;
}

int Socket::fd() const noexcept { return block_->fd; }
Loop& Socket::loop() const noexcept { return block_->loop; }
Readiness& Socket::readable() noexcept { return block_->read; }
Readiness& Socket::writable() noexcept { return block_->write; }
const Readiness& Socket::readable() const noexcept { return block_->read; }
void Socket::observe(ReadableObserver* observer) noexcept { block_->observer = observer; }

IoResult Socket::blocked_or_broken(Readiness& direction, IoStatus wanted) noexcept {
  if (!would_block(errno)) return {0, IoStatus::error};
  direction.clear_ready();
  return {0, wanted};
}

IoResult Socket::read(std::span<char> into) noexcept {
  for (;;) {
    const ssize_t n = ::recv(block_->fd, into.data(), into.size(), MSG_DONTWAIT);
    if (n > 0) {
      // Fewer than asked for: the socket is empty, and asking again would only cost a system call.
      if (static_cast<std::size_t>(n) < into.size()) block_->read.clear_ready();
      return {static_cast<std::size_t>(n), IoStatus::ok};
    }
    if (n == 0) return {0, IoStatus::eof};
    if (errno != EINTR) return blocked_or_broken(block_->read, IoStatus::want_read);
  }
}

IoResult Socket::write(std::span<const char> bytes) noexcept {
  for (;;) {
    const ssize_t n = ::send(block_->fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) return {static_cast<std::size_t>(n), IoStatus::ok};
    if (errno != EINTR) return blocked_or_broken(block_->write, IoStatus::want_write);
  }
}

IoResult Socket::write_vectors(std::span<const iovec> parts) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  for (;;) {
    const ssize_t n = ::sendmsg(block_->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) return {static_cast<std::size_t>(n), IoStatus::ok};
    if (errno != EINTR) return blocked_or_broken(block_->write, IoStatus::want_write);
  }
}

void Socket::cancel() noexcept {
  if (!block_) return;
  block_->read.cancel();
  block_->write.cancel();
}

void Socket::shutdown_send() noexcept { ::shutdown(block_->fd, SHUT_WR); }

void Socket::reset_on_close() noexcept {
  const linger hard{1, 0};
  ::setsockopt(block_->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

bool Socket::peer_finished() const noexcept {
  pollfd p{block_->fd, POLLRDHUP, 0};
  return ::poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool Socket::is_broken() const noexcept {
  pollfd p{block_->fd, 0, 0};
  return ::poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

bool Socket::is_quiet() const noexcept {
  pollfd p{block_->fd, POLLIN | POLLRDHUP, 0};
  return ::poll(&p, 1, 0) == 0;
}

void Socket::close() noexcept {
  if (!block_) return;
  SocketBlock* block = std::exchange(block_, nullptr);
  block->closed = true;
  block->observer = nullptr;
  block->read.deadline_.forget();
  block->write.deadline_.forget();
  block->loop.reactor().closing(*block);
  ::close(block->fd);
  block->drop_reference();
}

}  // namespace postern::net
