#include "net/signal.h"

namespace postern::net {

Signal::Signal(Loop& loop) noexcept
    : loop_(loop),
      wake_([](void* self) noexcept { static_cast<Signal*>(self)->resume(Waited::ready); }, this),
      timer_([](void* self) noexcept { static_cast<Signal*>(self)->resume(Waited::timeout); }, this) {}

void Signal::suspend(std::coroutine_handle<> waiter, std::int64_t timeout_ms) noexcept {
  waiter_ = waiter;
  if (timeout_ms > 0) loop_.set_timer(timer_, timeout_ms);
}

void Signal::resume(Waited result) noexcept {
  wake_.clear();
  timer_.clear();
  result_ = result;
  if (waiter_) std::exchange(waiter_, nullptr).resume();
}

}  // namespace postern::net
