#include "net/loop.h"

#include <chrono>

namespace postern::net {

// One thread runs the context, others only post: the reactor needs no locks, the queue does.
Loop::Loop(Engine engine)
    : engine_(engine),
      wheel_(coarse_now_ms()),
      io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      ticker_(io_.get_executor()) {}

Reactor& Loop::make_reactor() {
  reactor_ = Reactor::make(engine_, io_);
  return *reactor_;
}

void Loop::set_timer(Timer& timer, std::int64_t delay_ms) noexcept {
  const std::int64_t now = coarse_now_ms();
  if (wheel_.set(timer, now, delay_ms)) arm(wheel_.next_ms());
}

void Loop::arm(std::int64_t due_ms) {
  if (due_ms < 0) return;
  waiting_ = true;
  ticker_.expires_at(
      std::chrono::steady_clock::time_point(std::chrono::milliseconds(due_ms)));  // cancels the wait before
  ticker_.async_wait([this](const boost::system::error_code& error) { on_tick(error); });
}

void Loop::on_tick(const boost::system::error_code& error) {
  if (error) return;  // an earlier deadline took over
  waiting_ = false;
  wheel_.advance(now_ns() / 1'000'000);  // the coarse clock may still be before what woke us: a busy wait
  if (!waiting_) arm(wheel_.next_ms());
}

void Loop::run() { io_.run(); }

void Loop::finish() {
  ticker_.cancel();
  if (reactor_) reactor_->stop();
  io_.restart();
  io_.poll();
}

}  // namespace postern::net
