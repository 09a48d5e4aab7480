#include "net/reactor.h"

#include <utility>

#include "net/socket_block.h"

namespace postern::net {

void SocketBlock::drop_reference() noexcept {
  if (--references == 0) loop.reactor().bury(*this);
}

namespace {
void destroy(SocketBlock* block) noexcept {
  FramePool& frames = block->loop.frames();
  block->~SocketBlock();
  frames.deallocate(block, sizeof(SocketBlock));
}
}  // namespace

}  // namespace postern::net

#if POSTERN_ENGINE_IO_URING

namespace postern::net {

namespace asio = boost::asio;

SocketBlock::SocketBlock(Loop& l, int descriptor) noexcept
    : loop(l), fd(descriptor), read(*this, true), write(*this, false), socket(l.io()) {}
SocketBlock::~SocketBlock() = default;

/// Puts an operation into its socket's block: waiting allocates nothing.
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
  friend bool operator==(const BlockAllocator& a, const BlockAllocator& b) noexcept {
    return a.block == b.block && a.index == b.index;
  }
};

struct WaitHandler {
  using allocator_type = BlockAllocator<void*>;
  Readiness* readiness;

  allocator_type get_allocator() const noexcept { return {&readiness->block_, readiness->reads_ ? 0 : 1}; }
  void operator()(const boost::system::error_code& error) const noexcept {
    SocketBlock& block = readiness->block_;
    readiness->armed_ = false;
    if (!block.closed && error != asio::error::operation_aborted) readiness->fired();
    block.drop_reference();
  }
};

void Readiness::arm() noexcept {
  if (armed_ || block_.closed) return;
  armed_ = true;
  ++block_.references;
  using Asio = decltype(block_.socket);
  block_.socket.async_wait(reads_ ? Asio::wait_read : Asio::wait_write, WaitHandler{this});
}

Reactor::Reactor(asio::io_context&) {}
Reactor::~Reactor() = default;

bool Reactor::add(SocketBlock& block) noexcept {
  int family = 0;
  socklen_t size = sizeof family;
  ::getsockopt(block.fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
  boost::system::error_code failed;
  block.socket.assign(asio::generic::stream_protocol(family, 0), block.fd, failed);
  if (failed) ::close(block.fd);
  return !failed;
}

void Reactor::want_writable(SocketBlock&) noexcept {}
void Reactor::bury(SocketBlock& block) noexcept { destroy(&block); }
void Reactor::stop() noexcept {}

}  // namespace postern::net

#else

#include <sys/epoll.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <system_error>

namespace postern::net {

namespace asio = boost::asio;

namespace {
constexpr std::uint32_t kAlways = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr int kBatch = 256;
/// Looks without going through Asio, as long as there is something: its own descriptors wait meanwhile.
constexpr int kLooks = 4;

int new_set() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}
}  // namespace

SocketBlock::SocketBlock(Loop& l, int descriptor) noexcept
    : loop(l), fd(descriptor), read(*this, true), write(*this, false) {}
SocketBlock::~SocketBlock() = default;

// The set reports every edge by itself; only writability is asked for when it is first missed.
void Readiness::arm() noexcept {
  if (reads_ || armed_) return;
  armed_ = true;
  block_.loop.reactor().want_writable(block_);
}

Reactor::Reactor(asio::io_context& io) : set_(io, new_set()) { wait(); }
Reactor::~Reactor() { stop(); }

bool Reactor::add(SocketBlock& block) noexcept {
  epoll_event event{kAlways, {&block}};
  return ::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, block.fd, &event) == 0;
}

void Reactor::want_writable(SocketBlock& block) noexcept {
  epoll_event event{kAlways | EPOLLOUT, {&block}};
  ::epoll_ctl(set_.native_handle(), EPOLL_CTL_MOD, block.fd, &event);
}

void Reactor::bury(SocketBlock& block) noexcept {
  if (dispatching_) buried_.push_back(&block);
  else destroy(&block);
}

void Reactor::stop() noexcept {
  if (!set_.is_open()) return;
  boost::system::error_code ignored;
  set_.close(ignored);
}

void Reactor::wait() {
  set_.async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    dispatch();
    if (set_.is_open()) wait();
  });
}

void Reactor::dispatch() noexcept {
  for (int look = 0; look < kLooks; ++look) {
    if (dispatch_batch() == 0) break;
  }
}

int Reactor::dispatch_batch() noexcept {
  epoll_event events[kBatch];
  const int count = ::epoll_wait(set_.native_handle(), events, kBatch, 0);
  dispatching_ = true;
  for (int i = 0; i < count; ++i) {
    SocketBlock& block = *static_cast<SocketBlock*>(events[i].data.ptr);
    const std::uint32_t what = events[i].events;
    if (block.closed) continue;  // by an event before it in this batch
    if (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) block.hung_up = true;
    if (what & (EPOLLOUT | EPOLLHUP | EPOLLERR)) block.write.fired();
    if (block.closed) continue;
    if (what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) block.read.fired();
  }
  dispatching_ = false;
  for (SocketBlock* block : std::exchange(buried_, {})) destroy(block);
  return count;
}

}  // namespace postern::net

#endif
