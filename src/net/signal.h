// Wakes one coroutine that waits for something which happens on its own core: bytes on a stream of a shared
// connection, room in a window. The waiter looks at its condition again; a notification nobody waits for is forgotten.
// One core only.
#pragma once

#include <coroutine>

#include "net/lazy_deadline.h"
#include "net/loop.h"
#include "net/socket.h"

namespace postern::net {

class Signal {
 public:
  explicit Signal(Loop& loop) noexcept;
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  /// Resumes the waiter behind the present batch of events, never from here: may be called from anywhere.
  void notify() noexcept {
    if (waiter_) loop_.defer(wake_);
  }
  [[nodiscard]] bool is_awaited() const noexcept { return static_cast<bool>(waiter_); }

  struct Awaiter {
    Signal& signal;
    std::int64_t timeout_ms;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { signal.suspend(waiter, timeout_ms); }
    Waited await_resume() const noexcept { return signal.result_; }
  };
  /// co_await it; one waiter at a time. A timeout <= 0 waits for ever. ready or timeout.
  Awaiter wait(std::int64_t timeout_ms) noexcept { return Awaiter{*this, timeout_ms}; }

 private:
  void suspend(std::coroutine_handle<> waiter, std::int64_t timeout_ms) noexcept;
  void resume(Waited result) noexcept;

  Loop& loop_;
  std::coroutine_handle<> waiter_;
  Deferred wake_;
  LazyDeadline deadline_;
  Waited result_ = Waited::ready;
};

}  // namespace postern::net
