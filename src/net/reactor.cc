#include "net/reactor.h"

#include <sys/epoll.h>

#include <utility>

#include "net/epoll_reactor.h"
#include "net/io_uring_reactor.h"
#include "net/socket_block.h"

namespace postern::net {

namespace {

void destroy(SocketBlock* block) noexcept {
  FramePool& frames = block->loop.frames();
  block->~SocketBlock();
  frames.deallocate(block, sizeof(SocketBlock));
}

}  // namespace

const char* to_string(Engine engine) noexcept { return engine == Engine::io_uring ? "io_uring" : "epoll"; }

std::unique_ptr<Reactor> Reactor::make(Engine engine, boost::asio::io_context& io) {
  if (engine == Engine::io_uring) return std::make_unique<IoUringReactor>(io);
  return std::make_unique<EpollReactor>(io);
}

void Reactor::bury(SocketBlock& block) noexcept {
  if (in_batch_)
    buried_.push_back(&block);
  else
    destroy(&block);
}

void Reactor::end_batch() noexcept {
  in_batch_ = false;
  if (buried_.empty()) return;
  for (SocketBlock* block : std::exchange(buried_, {})) destroy(block);
}

void Reactor::report(SocketBlock& block, std::uint32_t events) noexcept {
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) block.hung_up = true;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) block.write.fired();
  // The writer may have closed it.
  if (!block.closed && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) block.read.fired();
}

}  // namespace postern::net
