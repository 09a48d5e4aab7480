#include "net/epoll_reactor.h"

#include <sys/epoll.h>

#include <cerrno>
#include <system_error>

#include "net/socket_block.h"

namespace postern::net {

namespace asio = boost::asio;

namespace {

constexpr std::uint32_t kAlways = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr int kBatch = 256;
/// Looks without going through Asio, as long as there is something: its own descriptors wait meanwhile.
constexpr int kLooks = 4;
/// Fewer reports than this in one look: the next look would mostly find nothing.
constexpr int kWorthAnotherLook = 16;

int new_set() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}

}  // namespace

EpollReactor::EpollReactor(asio::io_context& io) : set_(io, new_set()) { wait(); }

bool EpollReactor::add(SocketBlock& block) noexcept {
  epoll_event event{kAlways, {&block}};
  return ::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, block.fd, &event) == 0;
}

// Once asked for, it stays: a connection that was blocked once will be again.
void EpollReactor::want_writable(SocketBlock& block) noexcept {
  if (block.reports_writable) return;
  block.reports_writable = true;
  epoll_event event{kAlways | EPOLLOUT, {&block}};
  ::epoll_ctl(set_.native_handle(), EPOLL_CTL_MOD, block.fd, &event);
}

void EpollReactor::stop() noexcept {
  if (!set_.is_open()) return;
  boost::system::error_code ignored;
  set_.close(ignored);
}

void EpollReactor::wait() {
  set_.async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    dispatch();
    if (set_.is_open()) wait();
  });
}

void EpollReactor::dispatch() noexcept {
  for (int look = 0; look < kLooks; ++look) {
    if (dispatch_batch() < kWorthAnotherLook) break;
  }
}

int EpollReactor::dispatch_batch() noexcept {
  epoll_event events[kBatch];
  const int count = ::epoll_wait(set_.native_handle(), events, kBatch, 0);
  begin_batch();
  for (int i = 0; i < count; ++i) {
    // Thousands of connections do not fit into the cache: what the next reports need is on its way meanwhile.
    if (i + 2 < count) static_cast<const SocketBlock*>(events[i + 2].data.ptr)->prefetch();
    if (i + 1 < count) static_cast<const SocketBlock*>(events[i + 1].data.ptr)->prefetch_waiter();
    SocketBlock& block = *static_cast<SocketBlock*>(events[i].data.ptr);
    if (!block.closed) report(block, events[i].events);  // one event may close another's socket
  }
  end_batch();
  return count;
}

}  // namespace postern::net
