// A non-blocking socket to a log server that comes and goes: connects, tries the next address, waits longer each time.
// The thread of the sink that owns it.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "net/socket_address.h"

namespace postern::accesslog {

class PeerSocket {
 public:
  enum class State { ready, connecting, down };
  using Clock = std::chrono::steady_clock;

  /// `type`: SOCK_DGRAM or SOCK_STREAM. `peers` is not empty.
  PeerSocket(std::vector<net::SocketAddress> peers, int type);
  ~PeerSocket() { close(); }
  PeerSocket(const PeerSocket&) = delete;
  PeerSocket& operator=(const PeerSocket&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// Connects when it is time to. Unless ready, errno says what is wrong.
  State find() noexcept;
  /// The connection is of no use any more; the next find() that is due makes another one.
  void fail(int why) noexcept;
  /// Until it can be written, is connected or may be tried again; at most that long.
  void wait(std::chrono::milliseconds at_most) noexcept;

 private:
  State connect() noexcept;
  State finish_connect(int timeout_ms) noexcept;
  void close() noexcept;

  const std::vector<net::SocketAddress> peers_;
  const int type_;
  int fd_ = -1;
  bool is_connecting_ = false;
  int why_ = 0;              // it is down
  std::size_t next_ = 0;     // of peers_
  unsigned failures_ = 0;    // since it was last ready
  Clock::time_point due_{};  // when to try again; while connecting: when to give up
};

}  // namespace postern::accesslog
