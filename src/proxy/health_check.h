// Active checks of one endpoint: a coroutine that asks at intervals, gives each check its time, and tells its keeper.
// There is one per endpoint in the whole process. One core only.
#pragma once

#include <memory>

#include "base/random.h"
#include "net/signal.h"
#include "proxy/health_probe.h"
#include "upstream/endpoint_state.h"

namespace postern::proxy {

/// "status 503", "TLS: certificate has expired": for the log.
std::string health_reason(const HealthFinding& finding);

class HealthCheck;
class HealthListener {
 public:
  virtual void on_finding(HealthCheck& check, const HealthFinding& finding) noexcept = 0;

 protected:
  ~HealthListener() = default;
};

class HealthCheck {
 public:
  /// `listener` lives until stop().
  HealthCheck(net::Loop& loop, HealthTarget target, upstream::HealthSpec spec,
              std::shared_ptr<upstream::EndpointState> state, HealthListener& listener);

  /// The coroutine keeps the check until it has come to its end.
  Task<void> run(std::shared_ptr<HealthCheck> self);
  /// No more checks, and no finding from one that is under way.
  void stop() noexcept;

  [[nodiscard]] const std::string& endpoint() const noexcept { return target_.name; }
  [[nodiscard]] const std::shared_ptr<upstream::EndpointState>& state() const noexcept { return state_; }
  upstream::EndpointHealth& health() noexcept { return health_; }
  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  Task<HealthFinding> look();
  /// Up to a tenth shorter or longer: proxies shall not ask in step.
  std::int64_t pause() noexcept;

  net::Loop& loop_;
  const HealthTarget target_;
  const upstream::HealthSpec spec_;
  const std::shared_ptr<upstream::EndpointState> state_;
  HealthListener& listener_;
  const std::unique_ptr<HealthProbe> probe_;
  upstream::EndpointHealth health_;
  net::Signal wake_;
  net::Timer deadline_;
  Random random_;
  bool timed_out_ = false;
  bool stopped_ = false;
};

}  // namespace postern::proxy
