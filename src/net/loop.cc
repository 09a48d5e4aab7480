#include "net/loop.h"

#include <chrono>

namespace postern::net {

// One thread runs the context, others only post: the reactor needs no locks, the queue does.
Loop::Loop(Engine engine)
    : background_(frames_),
      dials_(frames_),
      engine_(engine),
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

// A handler is a batch of the reactor's reports, the timer wheel's tick, an accept or a posted message: what they
// deferred runs before the next.
void Loop::run() {
  run_deferred();
  while (io_.run_one() != 0) run_deferred();
}

void Loop::append(Deferred& ring, Deferred& deferred) noexcept {
  if (deferred.is_set()) return;
  deferred.previous_ = ring.previous_;
  deferred.next_ = &ring;
  ring.previous_->next_ = &deferred;
  ring.previous_ = &deferred;
}

bool Loop::run_first(Deferred& ring) noexcept {
  Deferred& first = *ring.next_;
  if (&first == &ring) return false;
  first.clear();
  first.run_(first.owner_);
  return true;
}

// Those that are deferred meanwhile run as well, but a circle of them must not starve the events.
void Loop::run_deferred() noexcept {
  constexpr int kMost = 10'000;
  for (int i = 0; i < kMost; ++i) {
    if (!run_first(deferred_) && !run_first(last_)) return;
  }
  post([] {});  // the rest, after what is ready by now
}

void Loop::finish() {
  ticker_.cancel();
  if (reactor_) reactor_->stop();
  io_.restart();
  run_deferred();
  while (io_.poll_one() != 0) run_deferred();
}

}  // namespace postern::net
