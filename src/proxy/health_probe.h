// One look at an endpoint's health by gRPC: grpc.health.v1.Health/Check on an HTTP/2 connection of its own, which is
// kept from one look to the next. Apart from those of the traffic, it neither takes their streams nor keeps them from
// falling idle. Its HealthCheck calls it. One core only.
#pragma once

#include <memory>

#include "metrics/kinds.h"
#include "net/loop.h"
#include "postern/exchange.h"
#include "upstream/cluster.h"

namespace postern::wire {
class H2Client;
}

namespace postern::proxy {

class GrpcHealthProbe {
 public:
  /// All three outlive it.
  GrpcHealthProbe(net::Loop& loop, upstream::Cluster& cluster, upstream::Endpoint& endpoint);
  GrpcHealthProbe(const GrpcHealthProbe&) = delete;
  GrpcHealthProbe& operator=(const GrpcHealthProbe&) = delete;
  ~GrpcHealthProbe();

  /// One at a time.
  Task<metrics::HealthResult> run();
  /// For good: ends a waiting run() soon, one that still connects when that is done or has timed out.
  void cancel() noexcept;
  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  Task<metrics::HealthResult> connect();
  Task<metrics::HealthResult> ask();
  Task<Result<void>> call(UpstreamExchange& up);
  Task<Result<void>> read_answer(UpstreamExchange& up);
  metrics::HealthResult judge(UpstreamExchange& up) const noexcept;
  void on_timeout() noexcept;

  net::Loop& loop_;
  upstream::Cluster& cluster_;
  upstream::Endpoint& endpoint_;
  const upstream::HealthSpec& spec_;
  std::string request_;
  std::string timeout_text_;  // of grpc-timeout
  std::string answer_;
  std::shared_ptr<wire::H2Client> client_;
  UpstreamExchange* running_ = nullptr;
  net::Timer deadline_;
  Error last_error_{Code::ok};
  bool timed_out_ = false;
  bool cancelled_ = false;
};

}  // namespace postern::proxy
