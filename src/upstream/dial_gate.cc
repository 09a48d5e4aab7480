#include "upstream/dial_gate.h"

namespace postern::upstream {

void DialGate::end(Error outcome) noexcept {
  --dials_;
  waiting_ = 0;
  for (Waiter* waiter = std::exchange(first_, nullptr); waiter; waiter = waiter->next) {
    waiter->outcome = outcome;
    waiter->told = true;
    waiter->signal.notify();
  }
}

Task<Error> DialGate::wait(std::int64_t timeout_ms) {
  Waiter waiter(loop_);
  waiter.next = first_;
  first_ = &waiter;
  ++waiting_;
  const net::Waited waited = co_await waiter.signal.wait(timeout_ms);
  static_cast<void>(waited);
  if (!waiter.told) leave(waiter);
  co_return waiter.outcome;
}

void DialGate::leave(Waiter& waiter) noexcept {
  Waiter** at = &first_;
  while (*at != &waiter) at = &(*at)->next;
  *at = waiter.next;
  --waiting_;
}

}  // namespace postern::upstream
