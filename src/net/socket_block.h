// The part of a Socket that may outlive it: what the reactor holds on to. Private to net/.
#pragma once

#include <cstddef>
#include <cstdint>

#include "net/socket.h"

#if POSTERN_ENGINE_IO_URING
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#endif

namespace postern::net {

class SocketBlock {
 public:
  SocketBlock(Loop& l, int descriptor) noexcept;
  ~SocketBlock();

  void drop_reference() noexcept;

  Loop& loop;
  const int fd;
  std::uint32_t references = 1;  // the Socket's, one for each operation the reactor holds, each deferred resumption
  bool closed = false;
  bool hung_up = false;  // FIN or reset was reported: edges that never come again, so it stays readable for ever
  ReadableObserver* observer = nullptr;
  Readiness read;
  Readiness write;

#if POSTERN_ENGINE_IO_URING
  static constexpr std::size_t kOperationBytes = 160;
  boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Loop::Executor> socket;
  bool operation_used[2] = {false, false};
  alignas(std::max_align_t) std::byte operations[2][kOperationBytes];
#endif
};

}  // namespace postern::net
