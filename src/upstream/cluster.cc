#include "upstream/cluster.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "crypto/hmac.h"

namespace postern::upstream {

namespace {

constexpr Nanoseconds kWarmUpStep = 100'000'000;
constexpr double kColdest = 0.1;

bool contains(std::span<const std::uint64_t> ids, std::uint64_t id) noexcept {
  return std::ranges::find(ids, id) != ids.end();
}

// The same name means the same id on every core and proxy; where one name has several addresses, they count as well.
void name_apart(std::span<const EndpointPin> endpoints) {
  std::vector<Endpoint*> by_id;
  for (const EndpointPin& endpoint : endpoints) {
    endpoint->candidate().id = hash_text(endpoint->name());
    by_id.push_back(endpoint.get());
  }
  const auto id_of = [](const Endpoint* endpoint) { return endpoint->id(); };
  std::ranges::sort(by_id, {}, id_of);
  for (auto i = by_id.begin(); i != by_id.end();) {
    const auto end = std::find_if(i, by_id.end(), [id = (*i)->id()](const Endpoint* e) { return e->id() != id; });
    const bool apart = end - i == 1;
    for (; i != end; ++i) {
      const net::SocketAddress& at = (*i)->address();
      if (!apart) (*i)->candidate().id = hash_text({reinterpret_cast<const char*>(at.get()), at.size}, (*i)->id());
    }
  }
}

// From a tenth of its weight to all of it, by and by. The time of the next step; 0: all are warm.
Nanoseconds warm_up(std::span<const EndpointPin> endpoints, Nanoseconds now, std::int64_t slow_start_ms) noexcept {
  Nanoseconds next = 0;
  if (slow_start_ms == 0) return next;
  for (const EndpointPin& endpoint : endpoints) {
    const std::int64_t since = endpoint->state().usable_since_ms();
    const double age = static_cast<double>(now / 1'000'000 - since) / static_cast<double>(slow_start_ms);
    const bool warm = since == 0 || age >= 1;
    const double share = warm ? 1 : std::clamp(kColdest + (1 - kColdest) * age, kColdest, 1.0);
    endpoint->candidate().weight = endpoint->spec().weight * share;
    if (!warm) next = now + kWarmUpStep;
  }
  return next;
}

}  // namespace

Cluster::Cluster(net::Loop& loop, ClusterSpec spec, std::shared_ptr<SharedUpstream> shared,
                 std::shared_ptr<net::TlsClientContext> tls, metrics::UpstreamRow& metrics)
    : loop_(loop),
      spec_(std::move(spec)),
      shared_(std::move(shared)),
      tls_(std::move(tls)),
      metrics_(metrics),
      ejector_(spec_.ejection, shared_, metrics_),
      traffic_(spec_.limits.circuit.limits(), spec_.queue) {
  refresh();
}

Cluster::~Cluster() {
  for (const EndpointPin& endpoint : endpoints_) endpoint->retire();
}

void Cluster::refresh() noexcept {
  const std::uint64_t epoch = shared_->epoch();
  if (epoch == epoch_) return;
  epoch_ = epoch;  // what changes meanwhile moves it again
  try {
    take_over();
  } catch (const std::bad_alloc&) {
    log::error("no memory for an upstream's new endpoints, the old ones stay", {{"upstream", spec_.name}});
  }
}

void Cluster::take_over() {
  const std::shared_ptr<const EndpointSet> set = shared_->endpoints();
  std::vector<EndpointPin> next;
  next.reserve(set->members.size());
  for (const EndpointSet::Member& member : set->members) {
    const auto same = std::ranges::find_if(endpoints_, [&](const EndpointPin& old) {
      return &old->state() == member.state.get();  // as long as name and address stay
    });
    if (same == endpoints_.end())
      next.emplace_back(new Endpoint(loop_, member, spec_.limits, metrics_));
    else
      (next.emplace_back(*same))->set_spec(member.spec);
  }
  name_apart(next);
  for (const EndpointPin& endpoint : next) {
    EndpointToken token;
    const bool made = spec_.sticky_key && make_token(spec_.sticky_key->reveal(), spec_.name, endpoint->id(), token);
    endpoint->set_token(made ? &token : nullptr);
  }
  for (const EndpointPin& endpoint : next) {
    Candidate& candidate = endpoint->candidate();
    candidate.weight = endpoint->spec().weight;
    // How slow it was before it was taken out says nothing about it as it has come back.
    if (candidate.latency_at < endpoint->state().usable_since_ms() * 1'000'000) candidate.latency_ns = 0;
  }
  next_warm_up_ = warm_up(next, now_ns(), spec_.slow_start_ms);
  levels_ = make_levels(next, {spec_.balancer, spec_.zone, spec_.panic_threshold}, random_);
  std::swap(endpoints_, next);  // from here on nothing fails
  for (const EndpointPin& old : next) {
    if (std::ranges::none_of(endpoints_, [&](const EndpointPin& e) { return e.get() == old.get(); })) old->retire();
  }
}

Endpoint* Cluster::find(std::uint64_t id) const noexcept {
  const auto found = std::ranges::find_if(endpoints_, [&](const EndpointPin& e) { return e->id() == id; });
  return found == endpoints_.end() ? nullptr : found->get();
}

Level& Cluster::draw(const PickRequest& request) noexcept {
  constexpr std::uint64_t kAll = 1ull << 32;
  if (levels_.front().reach == kAll) return levels_.front();
  // A key stays with its level, too.
  const std::uint64_t drawn = (request.key ? mix_hash(*request.key) : random_.next()) >> 32;
  return *std::ranges::find_if(levels_, [&](const Level& level) { return drawn < level.reach; });
}

std::optional<std::uint64_t> Cluster::find_token(std::string_view token) noexcept {
  const std::optional<std::uint64_t> id = token_id(token);
  if (!id) return std::nullopt;
  refresh();
  const Endpoint* const endpoint = find(*id);
  if (!endpoint || !crypto::equal_in_constant_time(endpoint->token(), token)) return std::nullopt;
  return id;
}

EndpointPin Cluster::pick(const PickRequest& request) noexcept {
  refresh();
  if (levels_.empty()) return EndpointPin();
  if (next_warm_up_ != 0 && request.now >= next_warm_up_)
    next_warm_up_ = warm_up(endpoints_, request.now, spec_.slow_start_ms);
  if (request.sticky && !contains(request.tried, *request.sticky)) {
    Endpoint* const same = find(*request.sticky);
    if (same && same->is_usable() && same->spec().weight != 0) return EndpointPin(same);
  }
  Level& level = draw(request);
  Endpoint* picked = nullptr;
  if (request.tried.empty())
    picked = &level.pick({request.now, request.key.value_or(0), request.key.has_value(), 0});
  else
    picked = pick_untried(request, level);
  if (level.panics && !picked->is_usable()) metrics_.panic_picks.add();
  return EndpointPin(picked);
}

// The balancer is asked a few times, then anybody will do who has not been tried: usable ones first, of any level.
Endpoint* Cluster::pick_untried(const PickRequest& request, Level& first) noexcept {
  const auto attempt = static_cast<std::uint32_t>(request.tried.size());
  const PickInput input{request.now, request.key.value_or(0), request.key.has_value(), attempt};
  Endpoint* picked = nullptr;
  for (int asked = 0; asked < 3; ++asked) {
    picked = &first.pick(input);
    if (picked->is_usable() && !contains(request.tried, picked->id())) return picked;
  }
  for (const bool usable : {true, false}) {
    for (Level& level : levels_) {
      const std::size_t size = level.endpoints.size();
      const std::size_t start = random_.next() % size;
      for (std::size_t i = 0; i < size; ++i) {
        Endpoint* const other = level.endpoints[(start + i) % size];
        if (other->is_usable() == usable && !contains(request.tried, other->id())) return other;
      }
    }
  }
  return picked;
}

SharedLimits Cluster::shared_limits() noexcept {
  SharedLimits limits = spec_.shared;
  const std::int64_t tenth = limits.max_age_ms / 10;
  if (tenth > 0)
    limits.max_age_ms += static_cast<std::int64_t>(random_.next() % static_cast<std::uint64_t>(2 * tenth + 1)) - tenth;
  return limits;
}

}  // namespace postern::upstream
