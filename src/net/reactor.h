// How sockets of one core learn that they are ready.
//
// epoll: one edge-triggered set of our own, which Asio's reactor watches as a single descriptor. A socket is registered
// once and never armed again: waiting costs no system call, where Asio's async_wait makes an epoll_ctl each time
// (223 ns here, twice per request; docs/decisions/0005-own-epoll-set.md).
// io_uring: Asio's own wait operations (IORING_OP_POLL_ADD), armed one by one.
// Part of Loop; one core only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <vector>

namespace postern::net {

class SocketBlock;

class Reactor {
 public:
  explicit Reactor(boost::asio::io_context& io);
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  ~Reactor();

  /// False when the kernel refuses another descriptor.
  bool add(SocketBlock& block) noexcept;
  /// From now on tells about writability as well.
  void want_writable(SocketBlock& block) noexcept;
  /// A closed block goes away, as soon as no event of the present batch can refer to it.
  void bury(SocketBlock& block) noexcept;
  /// No more events; what is buried goes.
  void stop() noexcept;

 private:
#if !POSTERN_ENGINE_IO_URING
  void wait();
  void dispatch() noexcept;
  /// Events of one look; 0: there were none.
  int dispatch_batch() noexcept;

  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> set_;
  bool dispatching_ = false;
#endif
  std::vector<SocketBlock*> buried_;
};

}  // namespace postern::net
