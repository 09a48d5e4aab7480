#include "upstream/endpoint.h"

#include <algorithm>
#include <utility>

#include "base/peak_ewma.h"
#include "config/syntax.h"

namespace postern::upstream {

namespace {
std::string host_of(const std::string& name) {
  const auto parsed = config::parse_address(name);
  return parsed && !parsed->is_unix ? parsed->host : "localhost";
}
}  // namespace

Endpoint::Endpoint(net::Loop& loop, const EndpointSet::Member& member, Limits limits, metrics::UpstreamRow& metrics)
    : loop_(loop),
      spec_(member.spec),
      host_(host_of(spec_.name)),
      state_(member.state),
      counts_(state_->outlier().join()),
      limits_(limits),
      metrics_(metrics),
      circuit_(limits_.circuit, *state_, metrics),
      dials_(loop),
      expiry_([](void* self) noexcept { static_cast<Endpoint*>(self)->expire(); }, this) {
  kept_.reserve(limits_.max_idle);
}

Endpoint::~Endpoint() { close_kept(); }

ConnectionPtr Endpoint::find_shared() noexcept {
  for (const std::shared_ptr<SharedConnection>& connection : shared_) {
    streams_ = connection->capacity();
    if (connection->has_room()) return lease(*connection);
  }
  return nullptr;
}

void Endpoint::share(std::shared_ptr<SharedConnection> connection) noexcept {
  connection->watch(this);
  metrics_.idle.add();
  shared_.push_back(std::move(connection));
}

ConnectionPtr Endpoint::find(bool careful) noexcept {
  if (ConnectionPtr lease = find_shared()) return lease;
  while (!kept_.empty()) {
    ConnectionPtr connection = std::move(kept_.back().connection);
    kept_.pop_back();
    metrics_.idle.sub();
    if (connection->take(careful)) return connection;
  }
  return nullptr;
}

void Endpoint::keep(ConnectionPtr connection) noexcept {
  if (retired_ || kept_.size() >= limits_.max_idle) return;
  UpstreamConnection& kept = *connection;
  kept_.push_back(Kept{std::move(connection), coarse_now_ms()});
  metrics_.idle.add();
  kept.keep(*this);
  if (!expiry_.is_set()) loop_.set_timer(expiry_, limits_.keepalive_timeout_ms);
}

void Endpoint::close_kept() noexcept {
  for (std::size_t i = 0; i < kept_.size(); ++i) metrics_.idle.sub();
  kept_.clear();
  for (const std::shared_ptr<SharedConnection>& connection : std::exchange(shared_, {})) {
    if (connection->in_use() == 0) metrics_.idle.sub();
    connection->watch(nullptr);
    connection->retire();  // requests that lease it go on
  }
}

void Endpoint::retire() noexcept {
  retired_ = true;
  close_kept();
}

void Endpoint::record(TryOutcome outcome, Nanoseconds now, Nanoseconds took) noexcept {
  circuit_.record(outcome, candidate_.in_flight, now, took);
  constexpr double kLeastNs = 1e6;  // failures that take no time at all
  constexpr double kMostNs = 10e9;  // about a minute, then it is tried again whatever it did
  constexpr double kNoticeNs = 10e6;
  const Nanoseconds elapsed = now - candidate_.latency_at;
  const double before = std::max(aged_latency(candidate_.latency_ns, elapsed), kLeastNs);
  double sample = std::max<double>(static_cast<double>(took), 1);
  if (outcome == TryOutcome::cancelled) {
    // Nobody knows how long it would have been, but not less than this: who waits in vain must not look quick.
    if (sample <= std::max(before, kNoticeNs)) return;
  } else if (outcome != TryOutcome::ok) {
    sample = std::max(sample, std::min(before * (outcome == TryOutcome::error_status ? 2 : 4), kMostNs));
  }
  candidate_.latency_ns = with_sample(candidate_.latency_ns, elapsed, sample);
  candidate_.latency_at = now;
}

void Endpoint::on_kept_lost(UpstreamConnection& connection) noexcept {
  const auto found =
      std::find_if(kept_.begin(), kept_.end(), [&](const Kept& k) { return k.connection.get() == &connection; });
  if (found == kept_.end()) return;
  metrics_.idle.sub();
  kept_.erase(found);
}

void Endpoint::on_shared_idle(SharedConnection&, bool idle) noexcept {
  if (idle)
    metrics_.idle.add();
  else
    metrics_.idle.sub();
}

void Endpoint::on_shared_lost(SharedConnection& connection) noexcept {
  const auto found =
      std::find_if(shared_.begin(), shared_.end(), [&](const auto& s) { return s.get() == &connection; });
  if (found == shared_.end()) return;
  if (connection.in_use() == 0) metrics_.idle.sub();
  connection.watch(nullptr);
  shared_.erase(found);
}

void Endpoint::expire() noexcept {
  const std::int64_t oldest = coarse_now_ms() - limits_.keepalive_timeout_ms;
  const auto young = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& k) { return k.since_ms > oldest; });
  for (auto i = kept_.begin(); i != young; ++i) metrics_.idle.sub();
  kept_.erase(kept_.begin(), young);
  if (!kept_.empty()) loop_.set_timer(expiry_, kept_.front().since_ms - oldest);
}

}  // namespace postern::upstream
