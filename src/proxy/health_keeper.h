// The health of upstreams, as far as it is this core's business: each upstream has one core of the process that checks
// its endpoints, compares their success rates, and lets ejected ones back in. What comes out stands in the endpoints'
// shared state, where all cores see it. Follows changes of the set of endpoints. One core only.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "base/task_group.h"
#include "metrics/core_metrics.h"
#include "net/signal.h"
#include "proxy/health_check.h"
#include "upstream/outlier.h"

namespace postern::proxy {

/// An upstream that a core has to look after.
struct HealthDuty {
  std::shared_ptr<upstream::SharedUpstream> upstream;
  std::optional<upstream::HealthSpec> health;  // none: no checks
  upstream::EjectionSpec ejection;
  config::UpstreamProtocol protocol = config::UpstreamProtocol::http1;
  std::shared_ptr<net::TlsClientContext> tls;
  metrics::UpstreamRow* metrics = nullptr;  // this core's

  bool operator==(const HealthDuty&) const = default;
};

/// The core of the process whose duty an upstream is: the same for as long as it has that name.
std::size_t home_core(std::string_view upstream, std::size_t cores) noexcept;

/// One upstream.
class HealthKeeper final : private HealthListener {
 public:
  /// `tasks` runs the checks; joined by its owner once this is gone.
  HealthKeeper(net::Loop& loop, HealthDuty duty, TaskGroup& tasks);
  HealthKeeper(const HealthKeeper&) = delete;
  HealthKeeper& operator=(const HealthKeeper&) = delete;
  ~HealthKeeper();

  [[nodiscard]] const HealthDuty& duty() const noexcept { return duty_; }
  /// Every now and then: what has changed in the set, and whose time is over.
  void sweep(std::int64_t now_ms) noexcept;

 private:
  void on_finding(HealthCheck& check, const HealthFinding& finding) noexcept override;
  void follow_set();
  void forget_checks() noexcept;
  void sweep_ejections(std::int64_t now_ms);
  /// Gauges, and the line about an upstream without any healthy endpoint.
  void show() noexcept;

  net::Loop& loop_;
  const HealthDuty duty_;
  TaskGroup& tasks_;
  std::shared_ptr<const upstream::EndpointSet> set_;
  std::vector<std::shared_ptr<HealthCheck>> checks_;
  std::int64_t next_rates_ms_ = 0;
  Random random_;
  bool none_left_ = false;
};

/// All of a core's.
class HealthKeepers {
 public:
  static constexpr std::int64_t kSweepMs = 500;

  HealthKeepers(net::Loop& loop, TaskGroup& tasks) noexcept : loop_(loop), tasks_(tasks), wake_(loop) {}

  /// From now on; a duty that was there before goes on undisturbed.
  void assign(std::vector<HealthDuty> duties);
  /// Everything ends soon, and nothing is found any more.
  void stop() noexcept;
  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  Task<void> run();

  net::Loop& loop_;
  TaskGroup& tasks_;
  net::Signal wake_;
  std::vector<std::unique_ptr<HealthKeeper>> keepers_;
  bool running_ = false;
};

}  // namespace postern::proxy
