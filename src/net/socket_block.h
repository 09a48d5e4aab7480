// The part of a Socket that may outlive it: what the reactor holds on to. Private to net/.
#pragma once

#include <cstdint>

#include "net/socket.h"

namespace postern::net {

class SocketBlock {
 public:
  SocketBlock(Loop& l, int descriptor) noexcept : loop(l), fd(descriptor), read(*this, true), write(*this, false) {}

  void drop_reference() noexcept {
    if (--references == 0) loop.reactor().bury(*this);
  }

  void prefetch() const noexcept {
    constexpr std::size_t kLine = 64;
    for (std::size_t at = 0; at < 3 * kLine; at += kLine) __builtin_prefetch(reinterpret_cast<const char*>(this) + at);
  }
  void prefetch_waiter() const noexcept { read.prefetch_waiter(); }

  Loop& loop;
  const int fd;
  std::uint32_t references = 1;  // the Socket's, the reactor's, one for each deferred resumption
  bool closed = false;
  bool hung_up = false;  // FIN or reset was reported: edges that never come again, so it stays readable for ever
  bool reports_readable = false;  // the reactor's notes
  bool reports_writable = false;
  ReadableObserver* observer = nullptr;
  Readiness read;
  Readiness write;
};

}  // namespace postern::net
