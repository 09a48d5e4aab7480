#include "net/socket.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstddef>
#include <new>

namespace postern::net {

namespace asio = boost::asio;

/// What outlives a Socket while the reactor still holds one of its operations.
class SocketBlock {
 public:
  static constexpr std::size_t kOperationBytes = 128;

  SocketBlock(Loop& l, AsioSocket s) : loop(l), socket(std::move(s)), fd(socket.native_handle()), read(*this, true), write(*this, false) {}

  void drop_reference() noexcept {
    if (--references == 0) {
      Loop& l = loop;
      this->~SocketBlock();
      l.frames().deallocate(this, sizeof(SocketBlock));
    }
  }

  Loop& loop;
  AsioSocket socket;
  int fd;
  int references = 1;  // the Socket's, one for each operation the reactor holds, one for each deferred resumption
  ReadableObserver* observer = nullptr;
  Readiness read;
  Readiness write;
  bool closed = false;
  bool operation_used[2] = {false, false};
  alignas(std::max_align_t) std::byte operations[2][kOperationBytes];
};

/// Puts an operation into its socket's block.
template <class T>
struct BlockAllocator {
  using value_type = T;
  SocketBlock* block;
  int index;

  BlockAllocator(SocketBlock* b, int i) noexcept : block(b), index(i) {}
  template <class U>
  BlockAllocator(const BlockAllocator<U>& other) noexcept : block(other.block), index(other.index) {}

  T* allocate(std::size_t n) {
    if (n * sizeof(T) <= SocketBlock::kOperationBytes && !block->operation_used[index]) {
      block->operation_used[index] = true;
      return reinterpret_cast<T*>(block->operations[index]);
    }
    return static_cast<T*>(::operator new(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t) noexcept {
    if (reinterpret_cast<std::byte*>(p) == block->operations[index]) {
      block->operation_used[index] = false;
    } else {
      ::operator delete(p);
    }
  }
  friend bool operator==(const BlockAllocator& a, const BlockAllocator& b) noexcept { return a.block == b.block && a.index == b.index; }
};

struct WaitHandler {
  using allocator_type = BlockAllocator<void*>;
  Readiness* readiness;

  allocator_type get_allocator() const noexcept {
    return allocator_type(&readiness->block_, readiness->reads_ ? 0 : 1);
  }
  void operator()(const boost::system::error_code& error) const noexcept { readiness->fired(error); }
};

Readiness::Readiness(SocketBlock& block, bool reads) noexcept
    : block_(block),
      timer_([](void* self) noexcept { static_cast<Readiness*>(self)->resume(Waited::timeout); }, this),
      reads_(reads) {}

void Readiness::arm() noexcept {
  if (armed_ || block_.closed) return;
  armed_ = true;
  ++block_.references;
  block_.socket.async_wait(reads_ ? AsioSocket::wait_read : AsioSocket::wait_write, WaitHandler{this});
}

void Readiness::suspend(std::coroutine_handle<> waiter, std::int64_t timeout_ms) noexcept {
  waiter_ = waiter;
  arm();
  if (timeout_ms > 0) block_.loop.set_timer(timer_, timeout_ms);
}

void Readiness::fired(const boost::system::error_code& error) noexcept {
  armed_ = false;
  SocketBlock& block = block_;  // a reference is held: this block lives until drop_reference()
  if (!block.closed && error != asio::error::operation_aborted) {
    if (waiter_) {
      resume(Waited::ready);
    } else {
      ready_ = true;
      if (reads_ && block.observer) block.observer->on_readable();
    }
  }
  block.drop_reference();
}

void Readiness::resume(Waited result) noexcept {
  timer_.clear();
  result_ = result;
  std::exchange(waiter_, nullptr).resume();
}

void Readiness::cancel() noexcept {
  cancelled_ = true;
  interrupt();
}

void Readiness::interrupt() noexcept {
  if (!waiter_) return;
  timer_.clear();
  ++block_.references;
  // Not resumed from here: the caller may be deep inside what that coroutine is about to destroy.
  asio::post(block_.loop.io(), [this] {
    SocketBlock& block = block_;
    if (waiter_) resume(Waited::cancelled);
    block.drop_reference();
  });
}

Socket::Socket(Loop& loop, AsioSocket socket) {
  void* memory = loop.frames().allocate(sizeof(SocketBlock));
  block_ = new (memory) SocketBlock(loop, std::move(socket));
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
void Socket::observe(ReadableObserver* observer) noexcept { block_->observer = observer; }

IoResult Socket::read(std::span<char> into) noexcept {
  for (;;) {
    const ssize_t n = ::recv(block_->fd, into.data(), into.size(), MSG_DONTWAIT);
    if (n > 0) return {static_cast<std::size_t>(n), IoStatus::ok};
    if (n == 0) return {0, IoStatus::eof};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {0, IoStatus::want_read};
    if (errno != EINTR) return {0, IoStatus::error};
  }
}

IoResult Socket::write(std::span<const char> bytes) noexcept {
  for (;;) {
    const ssize_t n = ::send(block_->fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) return {static_cast<std::size_t>(n), IoStatus::ok};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {0, IoStatus::want_write};
    if (errno != EINTR) return {0, IoStatus::error};
  }
}

IoResult Socket::write_vectors(std::span<const iovec> parts) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  for (;;) {
    const ssize_t n = ::sendmsg(block_->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) return {static_cast<std::size_t>(n), IoStatus::ok};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {0, IoStatus::want_write};
    if (errno != EINTR) return {0, IoStatus::error};
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
  return ::poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

bool Socket::is_broken() const noexcept {
  pollfd p{block_->fd, 0, 0};
  return ::poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
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
  block->read.timer_.clear();
  block->write.timer_.clear();
  boost::system::error_code ignored;
  block->socket.close(ignored);  // operations end with operation_aborted, later, from the event loop
  block->drop_reference();
}

void prepare_socket(int fd, bool tcp) noexcept {
  if (!tcp) return;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace postern::net
