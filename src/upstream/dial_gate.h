// Requests that need a connection which others can share wait for the one that is being made, instead of making their
// own. One per endpoint, one core only.
#pragma once

#include "base/error.h"
#include "base/task.h"
#include "net/signal.h"

namespace postern::upstream {

class DialGate {
 public:
  explicit DialGate(net::Loop& loop) noexcept : loop_(loop) {}
  DialGate(const DialGate&) = delete;
  DialGate& operator=(const DialGate&) = delete;

  /// One that is under way has room for another request: wait() for it.
  [[nodiscard]] bool is_open(std::size_t streams) const noexcept { return waiting_ + dials_ < dials_ * streams; }
  void begin() noexcept { ++dials_; }
  /// Everybody looks again, or fails alike.
  void end(Error outcome) noexcept;
  /// Until any dial has ended: its outcome. Code::timeout when none has by then.
  Task<Error> wait(std::int64_t timeout_ms);
  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  struct Waiter {
    explicit Waiter(net::Loop& loop) noexcept : signal(loop) {}
    net::Signal signal;
    Waiter* next = nullptr;
    Error outcome{Code::timeout, Side::upstream, Retry::always};
    bool told = false;
  };
  void leave(Waiter& waiter) noexcept;

  net::Loop& loop_;
  Waiter* first_ = nullptr;
  std::size_t waiting_ = 0;
  std::size_t dials_ = 0;
};

}  // namespace postern::upstream
