#include "upstream/shared_upstream.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"

namespace postern::upstream {

namespace {

bool same_place(const EndpointSpec& a, const EndpointSpec& b) { return a.name == b.name && a.address == b.address; }

// Named twice means twice the weight, not two endpoints.
std::vector<EndpointSpec> merged(std::vector<EndpointSpec> endpoints) {
  std::vector<EndpointSpec> out;
  for (EndpointSpec& spec : endpoints) {
    const auto twin = std::ranges::find_if(out, [&](const EndpointSpec& other) { return same_place(spec, other); });
    if (twin == out.end())
      out.push_back(std::move(spec));
    else
      twin->weight += spec.weight;
  }
  return out;
}

}  // namespace

bool SharedUpstream::assign(std::vector<EndpointSpec> endpoints) {
  endpoints = merged(std::move(endpoints));
  const std::lock_guard lock(mutex_);
  const auto same = [](const EndpointSet::Member& member, const EndpointSpec& spec) { return member.spec == spec; };
  if (set_->version != 0 && std::ranges::equal(set_->members, endpoints, same)) return false;
  auto next = std::make_shared<EndpointSet>();
  next->version = set_->version + 1;
  for (EndpointSpec& spec : endpoints) {
    const auto old = std::ranges::find_if(
        set_->members, [&](const EndpointSet::Member& member) { return same_place(member.spec, spec); });
    std::shared_ptr<EndpointState> state;
    if (old != set_->members.end()) {
      state = old->state;
    } else {
      state = std::make_shared<EndpointState>();
      if (set_->version != 0) state->set_usable_since_ms(now_ns() / 1'000'000);  // a newcomer may start slowly
    }
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
