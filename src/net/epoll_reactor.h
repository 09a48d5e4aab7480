// The epoll engine: one edge-triggered set per core. See reactor.h.
#pragma once

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "net/reactor.h"

namespace postern::net {

class EpollReactor final : public Reactor {
 public:
  explicit EpollReactor(boost::asio::io_context& io);
  ~EpollReactor() override { EpollReactor::stop(); }

  bool add(SocketBlock& block) noexcept override;
  void want_writable(SocketBlock& block) noexcept override;
  void closing(SocketBlock&) noexcept override {}  // close() takes it out of the set
  void stop() noexcept override;

 private:
  void wait();
  void dispatch() noexcept;
  int dispatch_batch() noexcept;

  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> set_;
};

}  // namespace postern::net
