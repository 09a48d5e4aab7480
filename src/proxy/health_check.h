// Active health checks of one cluster on one core: a coroutine per endpoint that asks at intervals and tells the
// cluster. The core owns them for as long as its generation has the cluster. Other kinds of checks stand beside the
// gRPC probe and need no more than its run() and cancel().
#pragma once

#include <memory>
#include <vector>

#include "base/random.h"
#include "base/task_group.h"
#include "net/signal.h"
#include "proxy/health_probe.h"

namespace postern::proxy {

/// One endpoint. Its coroutine keeps it, and through it the cluster, until it has come to its end.
class HealthCheck {
 public:
  HealthCheck(net::Loop& loop, std::shared_ptr<upstream::Cluster> cluster, upstream::EndpointPin endpoint);

  Task<void> run(std::shared_ptr<HealthCheck> self);
  /// No more checks, and no result from one that is under way.
  void stop() noexcept;
  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  void record(metrics::HealthResult result) noexcept;
  /// Up to a tenth shorter or longer: neither cores nor proxies shall ask in step.
  std::int64_t pause() noexcept;

  net::Loop& loop_;
  const std::shared_ptr<upstream::Cluster> cluster_;
  const upstream::EndpointPin endpoint_;
  upstream::EndpointHealth health_;
  net::Signal wake_;
  GrpcHealthProbe probe_;
  Random random_;
  bool stopped_ = false;
};

/// All endpoints of a cluster that has health(); ends their checks when it goes.
class HealthChecks {
 public:
  /// `tasks`: runs them; joined by its owner once this is gone.
  HealthChecks(net::Loop& loop, std::shared_ptr<upstream::Cluster> cluster, TaskGroup& tasks);
  HealthChecks(const HealthChecks&) = delete;
  HealthChecks& operator=(const HealthChecks&) = delete;
  ~HealthChecks();

  [[nodiscard]] const std::shared_ptr<upstream::Cluster>& cluster() const noexcept { return cluster_; }

 private:
  const std::shared_ptr<upstream::Cluster> cluster_;
  std::vector<std::shared_ptr<HealthCheck>> checks_;
};

}  // namespace postern::proxy
