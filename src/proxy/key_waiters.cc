#include "proxy/key_waiters.h"

#include <utility>

namespace postern::proxy {

KeyWaiters::Place::Place(KeyWaiters& owner, net::Loop& loop) noexcept : signal(loop), owner_(owner) {
  number_ = ++owner_.numbers_;
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

void KeyWaiters::answered(std::uint64_t number, bool is_sure, std::shared_ptr<const identity::IntrospectionAnswer> said,
                          std::shared_ptr<const std::vector<std::string>> groups) noexcept {
  for (Place* place = first_; place; place = place->next_) {
    if (place->number_ != number) continue;
    place->is_sure = is_sure;
    place->said = std::move(said);
    place->groups = std::move(groups);
    place->signal.notify();
    return;
  }
}

}  // namespace postern::proxy
