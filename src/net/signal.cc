#include "net/signal.h"

namespace postern::net {

Signal::Signal(Loop& loop) noexcept
    : loop_(loop),
      wake_([](void* self) noexcept { static_cast<Signal*>(self)->resume(Waited::ready); }, this),
      deadline_([](void* self) noexcept { static_cast<Signal*>(self)->resume(Waited::timeout); }, this) {}

void Signal::suspend(std::coroutine_handle<> waiter, std::int64_t timeout_ms) noexcept {
  waiter_ = waiter;
  deadline_.set(loop_, timeout_ms);
}

void Signal::resume(Waited result) noexcept {
  wake_.clear();
  deadline_.forget();
  result_ = result;
  if (waiter_) std::exchange(waiter_, nullptr).resume();
}

}  // namespace postern::net
