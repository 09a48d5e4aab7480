#include "proxy/health_keeper.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"
#include "net/tls_client_context.h"
#include "upstream/ejector.h"

namespace postern::proxy {

using upstream::EjectionEvent;
using upstream::EndpointSet;
using upstream::OutReason;

std::size_t home_core(std::string_view upstream, std::size_t cores) noexcept {
  return cores > 1 ? std::hash<std::string_view>()(upstream) % cores : 0;
}

HealthKeeper::HealthKeeper(net::Loop& loop, HealthDuty duty, TaskGroup& tasks)
    : loop_(loop), duty_(std::move(duty)), tasks_(tasks) {
  const auto set = duty_.upstream->endpoints();
  none_left_ = !set->members.empty() &&
               std::ranges::none_of(set->members, [](const auto& member) { return member.state->is_usable(); });
}

HealthKeeper::~HealthKeeper() {
  for (const std::shared_ptr<HealthCheck>& check : checks_) check->stop();
  duty_.metrics->unhealthy.set(0);
  duty_.metrics->ejected.set(0);
}

void HealthKeeper::sweep(std::int64_t now_ms) noexcept {
  follow_set();
  if (!duty_.health) forget_checks();
  sweep_ejections(now_ms);
  show();
}

void HealthKeeper::follow_set() {
  std::shared_ptr<const EndpointSet> set = duty_.upstream->endpoints();
  if (set == set_) return;
  set_ = std::move(set);
  if (!duty_.health) return;
  std::vector<std::shared_ptr<HealthCheck>> old = std::exchange(checks_, {});
  for (const EndpointSet::Member& member : set_->members) {
    const auto same =
        std::ranges::find_if(old, [&](const auto& check) { return check && check->state() == member.state; });
    if (same != old.end()) {
      checks_.push_back(std::move(*same));
      continue;
    }
    HealthTarget target = health_target(member.spec, *duty_.health, duty_.protocol, duty_.tls);
    HealthListener& self = *this;
    checks_.push_back(std::make_shared<HealthCheck>(loop_, std::move(target), *duty_.health, member.state, self));
    tasks_.start(checks_.back()->run(checks_.back()));
  }
  for (const std::shared_ptr<HealthCheck>& gone : old) {
    if (gone) gone->stop();
  }
}

// Nobody checks any more: what was found once counts no longer. Each time, since the core that checked until the reload
// may not have heard of it yet.
void HealthKeeper::forget_checks() noexcept {
  bool any = false;
  for (const EndpointSet::Member& member : set_->members) any = member.state->put_back(OutReason::unhealthy) || any;
  if (any) duty_.upstream->changed();
}

void HealthKeeper::sweep_ejections(std::int64_t now_ms) {
  const std::string& name = duty_.upstream->name();
  for (const EjectionEvent& event : upstream::end_ejections(*duty_.upstream, duty_.ejection, now_ms))
    announce(event, name, {}, *duty_.metrics);
  if (now_ms < next_rates_ms_) return;
  const bool first = next_rates_ms_ == 0;
  next_rates_ms_ = now_ms + duty_.ejection.interval_ms;
  if (first || !duty_.ejection.enabled || !duty_.ejection.success_rate) return;
  for (const EjectionEvent& event : upstream::eject_for_rates(*duty_.upstream, duty_.ejection, now_ms, random_.next()))
    announce(event, name,
             fmt::format("{:.1f} % of its requests succeed, {:.1f} % of all", 100 * event.rate, 100 * event.usual),
             *duty_.metrics);
}

void HealthKeeper::on_finding(HealthCheck& check, const HealthFinding& finding) noexcept {
  if (finding.ours) return;
  duty_.metrics->checks[static_cast<std::size_t>(finding.result)].add();
  if (!check.health().record(finding.result == metrics::HealthResult::serving)) return;
  upstream::EndpointState& state = *check.state();
  const std::string& name = duty_.upstream->name();
  if (check.health().is_healthy()) {
    state.put_back(OutReason::unhealthy);
    if (state.is_usable()) state.set_usable_since_ms(coarse_now_ms());
    log::info("endpoint is healthy again", {{"upstream", name}, {"endpoint", check.endpoint()}});
  } else {
    state.take_out(OutReason::unhealthy);
    log::warn("endpoint is unhealthy",
              {{"upstream", name}, {"endpoint", check.endpoint()}, {"why", health_reason(finding)}});
  }
  duty_.upstream->changed();
  show();
}

void HealthKeeper::show() noexcept {
  std::size_t unhealthy = 0, ejected = 0, usable = 0;
  for (const EndpointSet::Member& member : set_->members) {
    unhealthy += member.state->is_out(OutReason::unhealthy) ? 1 : 0;
    ejected += member.state->is_out(OutReason::ejected) ? 1 : 0;
    usable += member.state->is_usable() ? 1 : 0;
  }
  duty_.metrics->unhealthy.set(unhealthy);
  duty_.metrics->ejected.set(ejected);
  const bool none_left = usable == 0 && !set_->members.empty();
  if (none_left == std::exchange(none_left_, none_left)) return;
  if (none_left)
    log::error("no endpoint is healthy, all of them are used", {{"upstream", duty_.upstream->name()}});
  else
    log::info("there are healthy endpoints again", {{"upstream", duty_.upstream->name()}});
}

void HealthKeepers::assign(std::vector<HealthDuty> duties) {
  std::vector<std::unique_ptr<HealthKeeper>> old = std::exchange(keepers_, {});
  for (HealthDuty& duty : duties) {
    const auto same = std::ranges::find_if(old, [&](const auto& keeper) { return keeper && keeper->duty() == duty; });
    if (same != old.end())
      keepers_.push_back(std::move(*same));
    else
      keepers_.push_back(nullptr);
  }
  old.clear();  // before those that come instead: the gauges are theirs
  for (std::size_t i = 0; i < keepers_.size(); ++i) {
    if (!keepers_[i]) keepers_[i] = std::make_unique<HealthKeeper>(loop_, std::move(duties[i]), tasks_);
  }
  for (const std::unique_ptr<HealthKeeper>& keeper : keepers_) keeper->sweep(coarse_now_ms());
  if (!running_ && !keepers_.empty()) {
    running_ = true;
    tasks_.start(run());
  }
}

void HealthKeepers::stop() noexcept {
  keepers_.clear();
  wake_.notify();
}

Task<void> HealthKeepers::run() {
  for (;;) {
    const net::Waited waited = co_await wake_.wait(kSweepMs);
    static_cast<void>(waited);
    if (keepers_.empty()) break;
    const std::int64_t now_ms = coarse_now_ms();
    for (const std::unique_ptr<HealthKeeper>& keeper : keepers_) keeper->sweep(now_ms);
  }
  running_ = false;
}

}  // namespace postern::proxy
