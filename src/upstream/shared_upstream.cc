#include "upstream/shared_upstream.h"

#include <algorithm>
#include <utility>

namespace postern::upstream {

bool SharedUpstream::assign(std::vector<EndpointSpec> endpoints) {
  const std::lock_guard lock(mutex_);
  const auto same = [](const EndpointSet::Member& member, const EndpointSpec& spec) { return member.spec == spec; };
  if (set_->version != 0 && std::ranges::equal(set_->members, endpoints, same)) return false;
  auto next = std::make_shared<EndpointSet>();
  next->version = set_->version + 1;
  for (EndpointSpec& spec : endpoints) {
    const auto old = std::ranges::find_if(set_->members, [&](const EndpointSet::Member& member) {
      return member.spec.name == spec.name && member.spec.address == spec.address;
    });
    std::shared_ptr<EndpointState> state = old != set_->members.end() ? old->state : std::make_shared<EndpointState>();
    next->members.push_back({std::move(spec), std::move(state)});
  }
  set_ = std::move(next);
  changed();
  return true;
}

std::shared_ptr<const EndpointSet> SharedUpstream::endpoints() const {
  const std::lock_guard lock(mutex_);
  return set_;
}

}  // namespace postern::upstream
