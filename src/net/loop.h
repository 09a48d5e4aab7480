// What every piece of I/O on one core shares: the io_context, the timer wheel, the pools of buffers and frames.
// One per core (server::Core owns it), passed by reference. Only post() may be called from another thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <utility>

#include "base/buffer_pool.h"
#include "base/clock.h"
#include "base/frame_pool.h"
#include "net/reactor.h"
#include "net/timer_wheel.h"

namespace postern::net {

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

  /// Runs until stop(); returns when no work is left.
  void run();
  /// After run(): handlers that are ready run, so that aborted operations give back their memory.
  void finish();

  /// Any thread: runs `f` on this core soon. Allocates; not for the request path.
  template <class F>
  void post(F f) {
    boost::asio::post(io_, std::move(f));
  }

 private:
  Reactor& make_reactor();
  void arm(std::int64_t due_ms);
  void on_tick(const boost::system::error_code& error);

  // Declared first, destroyed last: handlers that the io_context still holds refer to these.
  FramePool frames_;
  BufferPool buffers_;
  const Engine engine_;
  TimerWheel wheel_;
  boost::asio::io_context io_;
  std::unique_ptr<Reactor> reactor_;
  SteadyTimer ticker_;
  bool waiting_ = false;
};

}  // namespace postern::net
