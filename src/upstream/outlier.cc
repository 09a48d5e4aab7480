#include "upstream/outlier.h"

#include <algorithm>
#include <cmath>
#include <mutex>

namespace postern::upstream {

namespace {

using Members = std::vector<EndpointSet::Member>;

/// Where all but one are perfect, that one is far outside by its deviation however little it fails: so near to the
/// mean nobody is an outlier.
constexpr double kSmallestGap = 0.05;

/// Enough others stay for this one to go.
bool may_go(const Members& members, const EndpointState& state, const EjectionSpec& spec) {
  std::size_t ejected = 0;
  bool another = false;
  for (const EndpointSet::Member& member : members) {
    ejected += member.state->is_out(OutReason::ejected) ? 1 : 0;
    another = another || (member.state.get() != &state && member.spec.weight != 0 && member.state->is_usable());
  }
  const std::size_t most = std::max<std::size_t>(1, members.size() * spec.max_share / 100);
  return another && ejected < most;
}

/// Twice as long as before, when it follows soon; each base time that passed in peace takes one doubling back.
std::int64_t next_term(OutlierRecord::Term& term, const EjectionSpec& spec, std::int64_t now_ms, std::uint64_t random) {
  constexpr std::uint32_t kMost = 30;
  if (term.back_ms != 0) {
    const std::int64_t peaceful = std::max<std::int64_t>(0, now_ms - term.back_ms) / spec.base_ms;
    term.level -= static_cast<std::uint32_t>(std::min<std::int64_t>(term.level, peaceful));
  }
  const std::int64_t longest = std::max(spec.base_ms, spec.max_ms);
  const std::int64_t doubled = term.level < kMost ? spec.base_ms << term.level : longest;
  const std::int64_t length = std::min(doubled, longest);
  if (doubled < longest) ++term.level;
  return length + static_cast<std::int64_t>(random % static_cast<std::uint64_t>(length / 10 + 1));
}

/// Under the upstream's lock for ejecting.
std::optional<EjectionEvent> eject(const Members& members, const EndpointSet::Member& member, const EjectionSpec& spec,
                                   std::int64_t now_ms, std::uint64_t random) {
  EndpointState& state = *member.state;
  if (state.is_out(OutReason::ejected) || !may_go(members, state, spec)) return std::nullopt;
  OutlierRecord::Term& term = state.outlier().term();
  const std::int64_t length = next_term(term, spec, now_ms, random);
  term.until_ms = now_ms + length;
  state.take_out(OutReason::ejected);
  EjectionEvent event;
  event.endpoint = member.spec.name;
  event.for_ms = length;
  return event;
}

}  // namespace

RateLimit success_rate_limit(std::span<const double> rates, double deviations) noexcept {
  if (rates.empty()) return {};
  const auto count = static_cast<double>(rates.size());
  double sum = 0;
  for (const double rate : rates) sum += rate;
  const double mean = sum / count;
  double squares = 0;
  for (const double rate : rates) squares += (rate - mean) * (rate - mean);
  return {mean, mean - std::max(deviations * std::sqrt(squares / count), kSmallestGap)};
}

std::optional<EjectionEvent> eject_for_failures(SharedUpstream& upstream, const EndpointState& state,
                                                const EjectionSpec& spec, std::int64_t now_ms, std::uint64_t random) {
  const std::shared_ptr<const EndpointSet> set = upstream.endpoints();
  const std::lock_guard lock(upstream.ejecting());
  for (const EndpointSet::Member& member : set->members) {
    if (member.state.get() != &state) continue;
    std::optional<EjectionEvent> event = eject(set->members, member, spec, now_ms, random);
    if (event) upstream.changed();
    return event;
  }
  return std::nullopt;  // it has left the set meanwhile
}

std::vector<EjectionEvent> eject_for_rates(SharedUpstream& upstream, const EjectionSpec& spec, std::int64_t now_ms,
                                           std::uint64_t random) {
  const std::shared_ptr<const EndpointSet> set = upstream.endpoints();
  std::vector<EjectionEvent> events;
  struct Rated {
    double rate;
    const EndpointSet::Member* member;
  };
  std::vector<Rated> rated;
  std::vector<double> rates;
  for (const EndpointSet::Member& member : set->members) {
    const OutlierRecord::Totals fresh = member.state->outlier().take_new();
    const std::uint64_t requests = fresh.passed + fresh.failed;
    if (requests < spec.min_requests || member.state->is_out(OutReason::ejected)) continue;
    rates.push_back(static_cast<double>(fresh.passed) / static_cast<double>(requests));
    rated.push_back({rates.back(), &member});
  }
  if (!spec.enabled || !spec.success_rate || rates.size() < spec.min_endpoints) return events;
  const RateLimit limit = success_rate_limit(rates, spec.deviations);
  std::ranges::sort(rated, {}, &Rated::rate);  // the worst first: not all may go
  const std::lock_guard lock(upstream.ejecting());
  for (const Rated& one : rated) {
    if (one.rate >= limit.lowest) break;
    random = random * 6364136223846793005u + 1442695040888963407u;
    std::optional<EjectionEvent> event = eject(set->members, *one.member, spec, now_ms, random >> 16);
    if (!event) continue;
    event->reason = metrics::Ejection::success_rate;
    event->rate = one.rate;
    event->usual = limit.mean;
    events.push_back(std::move(*event));
  }
  if (!events.empty()) upstream.changed();
  return events;
}

std::vector<EjectionEvent> end_ejections(SharedUpstream& upstream, const EjectionSpec& spec, std::int64_t now_ms) {
  const std::shared_ptr<const EndpointSet> set = upstream.endpoints();
  std::vector<EjectionEvent> events;
  for (const EndpointSet::Member& member : set->members) {
    EndpointState& state = *member.state;
    if (!state.is_out(OutReason::ejected)) continue;
    const std::lock_guard lock(upstream.ejecting());
    OutlierRecord::Term& term = state.outlier().term();
    if (spec.enabled && now_ms < term.until_ms) continue;
    term.back_ms = now_ms;
    state.outlier().pass();
    state.put_back(OutReason::ejected);
    if (state.is_usable()) state.set_usable_since_ms(now_ms);
    EjectionEvent event;
    event.endpoint = member.spec.name;
    event.back = true;
    events.push_back(std::move(event));
  }
  if (!events.empty()) upstream.changed();
  return events;
}

}  // namespace postern::upstream
