#include "proxy/health_check.h"

#include <algorithm>

#include "base/log.h"

namespace postern::proxy {

using metrics::HealthResult;

namespace {

const char* reason_of(HealthResult result) noexcept {
  switch (result) {
    case HealthResult::serving:
      return "serving";
    case HealthResult::not_serving:
      return "it says NOT_SERVING";
    case HealthResult::unknown_service:
      return "it does not know the service that health.service names";
    case HealthResult::unimplemented:
      return "it has no service grpc.health.v1.Health (UNIMPLEMENTED)";
    case HealthResult::timeout:
      return "no answer in time";
    case HealthResult::unreachable:
      return "no connection, or none with HTTP/2";
    case HealthResult::tls:
      return "TLS failed";
    case HealthResult::bad_status:
      return "another status than expected";
    case HealthResult::bad_body:
      return "the body has not what is expected";
    case HealthResult::failed:
    case HealthResult::count_:
      break;
  }
  return "no valid answer";
}

}  // namespace

HealthCheck::HealthCheck(net::Loop& loop, std::shared_ptr<upstream::Cluster> cluster, upstream::Endpoint& endpoint)
    : loop_(loop), cluster_(std::move(cluster)), endpoint_(endpoint), wake_(loop), probe_(loop, *cluster_, endpoint) {}

Task<void> HealthCheck::run(std::shared_ptr<HealthCheck>) {
  // The first look comes soon, but after the daemon's start.
  std::int64_t delay = 1 + pause() / 10;
  while (!stopped_) {
    const net::Waited waited = co_await wake_.wait(delay);
    static_cast<void>(waited);
    if (stopped_) break;
    const HealthResult result = co_await probe_.run();
    if (!stopped_) record(result);
    delay = pause();
  }
}

void HealthCheck::record(HealthResult result) noexcept {
  if (!cluster_->record_check(endpoint_, result)) return;
  const std::string& upstream = cluster_->name();
  const std::string& endpoint = endpoint_.name();
  if (endpoint_.is_healthy())
    log::info("endpoint is healthy again", {{"upstream", upstream}, {"endpoint", endpoint}});
  else
    log::warn("endpoint is unhealthy", {{"upstream", upstream}, {"endpoint", endpoint}, {"why", reason_of(result)}});
  if (!endpoint_.is_healthy() && cluster_->unhealthy() == cluster_->size())
    log::error("no endpoint is healthy, all of them are used", {{"upstream", upstream}});
}

std::int64_t HealthCheck::pause() noexcept {
  const std::int64_t interval = cluster_->health()->interval_ms;
  const std::int64_t tenth = interval / 10;
  return interval - tenth + static_cast<std::int64_t>(random_.next() % static_cast<std::uint64_t>(2 * tenth + 1));
}

void HealthCheck::stop() noexcept {
  stopped_ = true;
  wake_.notify();
  probe_.cancel();
}

HealthChecks::HealthChecks(net::Loop& loop, std::shared_ptr<upstream::Cluster> cluster, TaskGroup& tasks)
    : cluster_(std::move(cluster)) {
  for (const std::unique_ptr<upstream::Endpoint>& endpoint : cluster_->endpoints()) {
    checks_.push_back(std::make_shared<HealthCheck>(loop, cluster_, *endpoint));
    tasks.start(checks_.back()->run(checks_.back()));
  }
}

HealthChecks::~HealthChecks() {
  for (const std::shared_ptr<HealthCheck>& check : checks_) check->stop();
  cluster_->forget_checks();
}

}  // namespace postern::proxy
