#include "proxy/health_check.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::proxy {

using metrics::HealthResult;

std::string health_reason(const HealthFinding& finding) {
  switch (finding.result) {
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
      return finding.detail.empty() ? "no connection" : std::string(finding.detail);
    case HealthResult::tls:
      return fmt::format("TLS: {}", finding.detail);
    case HealthResult::bad_status:
      return fmt::format("status {}", finding.status);
    case HealthResult::bad_body:
      return "the body has not what is expected";
    case HealthResult::failed:
    case HealthResult::count_:
      break;
  }
  return "no valid answer";
}

HealthCheck::HealthCheck(net::Loop& loop, HealthTarget target, upstream::HealthSpec spec,
                         std::shared_ptr<upstream::EndpointState> state, HealthListener& listener)
    : loop_(loop),
      target_(std::move(target)),
      spec_(std::move(spec)),
      state_(std::move(state)),
      listener_(listener),
      probe_(make_health_probe(loop, target_, spec_)),
      health_(spec_.thresholds, !state_->is_out(upstream::OutReason::unhealthy)),
      wake_(loop),
      deadline_(
          [](void* self) noexcept {
            auto& check = *static_cast<HealthCheck*>(self);
            check.timed_out_ = true;
            check.probe_->cancel();
          },
          this) {}

Task<void> HealthCheck::run(std::shared_ptr<HealthCheck>) {
  // The first look comes soon, but not everybody's at once.
  std::int64_t delay = 1 + std::min(pause(), spec_.fast_interval_ms) / 10;
  while (!stopped_) {
    const net::Waited waited = co_await wake_.wait(delay);
    static_cast<void>(waited);
    if (stopped_) break;
    const HealthFinding finding = co_await look();
    if (stopped_) break;
    listener_.on_finding(*this, finding);
    delay = pause();
  }
}

Task<HealthFinding> HealthCheck::look() {
  timed_out_ = false;
  loop_.set_timer(deadline_, spec_.timeout_ms);
  HealthFinding finding = co_await probe_->run();
  deadline_.clear();
  if (timed_out_ && finding.result != HealthResult::serving) {
    finding = {};
    finding.result = HealthResult::timeout;
  }
  co_return finding;
}

std::int64_t HealthCheck::pause() noexcept {
  const std::int64_t usual = spec_.interval_ms;
  const std::int64_t interval = health_.is_settled() ? usual : std::min(usual, spec_.fast_interval_ms);
  const std::int64_t tenth = interval / 10;
  return interval - tenth + static_cast<std::int64_t>(random_.next() % static_cast<std::uint64_t>(2 * tenth + 1));
}

void HealthCheck::stop() noexcept {
  stopped_ = true;
  deadline_.clear();
  wake_.notify();
  probe_->cancel();
}

}  // namespace postern::proxy
