// What every piece of I/O on one core shares: the io_context, the timer wheel, the pools of buffers and frames.
// One per core (server::Core owns it), passed by reference. Only post() may be called from another thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <coroutine>
#include <memory>
#include <utility>

#include "base/buffer_pool.h"
#include "base/clock.h"
#include "base/frame_pool.h"
#include "base/task_group.h"
#include "net/reactor.h"
#include "net/timer_wheel.h"

namespace postern::net {

/// Something to do when the present batch of events has been handled: what several of them want to send goes out in
/// one write. Embed one; clears itself when destroyed.
class Deferred {
 public:
  using Run = void (*)(void* owner) noexcept;

  Deferred(Run run, void* owner) noexcept : run_(run), owner_(owner) {}
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;
  ~Deferred() { clear(); }

  [[nodiscard]] bool is_set() const noexcept { return next_ != nullptr; }
  void clear() noexcept {
    if (!next_) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  friend class Loop;
  Deferred() noexcept : next_(this), previous_(this) {}  // the head of the ring
  Deferred* next_ = nullptr;
  Deferred* previous_ = nullptr;
  Run run_ = nullptr;
  void* owner_ = nullptr;
};

class Loop {
 public:
  using Executor = boost::asio::io_context::executor_type;
  using SteadyTimer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                        boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  explicit Loop(Engine engine = Engine::epoll);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  boost::asio::io_context& io() noexcept { return io_; }
  BufferPool& buffers() noexcept { return buffers_; }
  FramePool& frames() noexcept { return frames_; }
  /// Made at its first use: an io_uring belongs to the thread that opened it.
  Reactor& reactor() { return reactor_ ? *reactor_ : make_reactor(); }

  void set_timer(Timer& timer, std::int64_t delay_ms) noexcept;

  /// Runs it once, behind the events of this batch. Set already: nothing changes.
  void defer(Deferred& deferred) noexcept { append(deferred_, deferred); }
  /// The same, behind all that was deferred: for writes, when everything that wants to be in them has been said.
  void defer_last(Deferred& deferred) noexcept { append(last_, deferred); }
  /// What run() does after each handler; for loops that are driven otherwise.
  void run_deferred() noexcept;
  /// Coroutines that belong to no request, such as those that finish writing for a connection that others share.
  TaskGroup& background() noexcept { return background_; }
  /// Connections that are being made: whoever wanted one may have left. Each ends by its own timeout, and whoever ends
  /// the loop waits for them.
  TaskGroup& dials() noexcept { return dials_; }

  /// Runs until stop(); returns when no work is left.
  void run();
  /// After run(): handlers that are ready run, so that aborted operations give back their memory.
  void finish();

  /// co_await it: others get their turn first.
  auto yield() noexcept {
    struct Awaiter {
      Loop& loop;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> waiter) {
        loop.post([waiter] { waiter.resume(); });
      }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }

  /// Any thread: runs `f` on this core soon. Allocates; not for the request path.
  template <class F>
  void post(F f) {
    boost::asio::post(io_, std::move(f));
  }

 private:
  Reactor& make_reactor();
  static void append(Deferred& ring, Deferred& deferred) noexcept;
  static bool run_first(Deferred& ring) noexcept;
  void arm(std::int64_t due_ms);
  void on_tick(const boost::system::error_code& error);

  // Declared first, destroyed last: handlers that the io_context still holds refer to these.
  FramePool frames_;
  BufferPool buffers_;
  TaskGroup background_;
  TaskGroup dials_;
  Deferred deferred_;
  Deferred last_;
  const Engine engine_;
  TimerWheel wheel_;
  boost::asio::io_context io_;
  std::unique_ptr<Reactor> reactor_;
  SteadyTimer ticker_;
  bool waiting_ = false;
};

}  // namespace postern::net
