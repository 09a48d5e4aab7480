// The io_uring engine: a multishot poll per socket, edges as completions, submissions in batches. See reactor.h.
#pragma once

#include <liburing.h>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstdint>

#include "net/reactor.h"

namespace postern::net {

class IoUringReactor final : public Reactor {
 public:
  explicit IoUringReactor(boost::asio::io_context& io);
  ~IoUringReactor() override;

  bool add(SocketBlock& block) noexcept override;
  void want_writable(SocketBlock& block) noexcept override;
  void closing(SocketBlock& block) noexcept override;
  void stop() noexcept override;

 private:
  io_uring_sqe* next_entry() noexcept;
  void poll(SocketBlock& block, std::uint64_t tag) noexcept;
  void submit() noexcept;
  void wait();
  void dispatch() noexcept;
  unsigned dispatch_batch() noexcept;
  void complete(std::uint64_t data, int result, std::uint32_t flags) noexcept;

  io_uring ring_{};
  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>
      bell_;                  // an eventfd that completions ring
  bool dispatching_ = false;  // entries go out together at the end of the batch
  bool running_ = false;
};

}  // namespace postern::net
