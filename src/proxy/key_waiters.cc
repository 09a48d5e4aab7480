#include "proxy/key_waiters.h"

namespace postern::proxy {

KeyWaiters::Place::Place(KeyWaiters& owner, net::Loop& loop) noexcept : signal(loop), owner_(owner) {
  next_ = owner_.first_;
  if (next_) next_->previous_ = this;
  owner_.first_ = this;
  ++owner_.count_;
}

KeyWaiters::Place::~Place() {
  if (previous_)
    previous_->next_ = next_;
  else
    owner_.first_ = next_;
  if (next_) next_->previous_ = previous_;
  --owner_.count_;
}

void KeyWaiters::wake() noexcept {
  for (Place* place = first_; place; place = place->next_) place->signal.notify();
}

}  // namespace postern::proxy
