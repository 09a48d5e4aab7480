// Health by connection: whoever accepts is healthy. Made by the table in health_probe.cc.
#include "proxy/health_connect.h"

namespace postern::proxy {

namespace {

class TcpHealthProbe final : public HealthProbe {
 public:
  TcpHealthProbe(net::Loop& loop, const HealthTarget& target) noexcept : loop_(loop), connector_(loop, target) {}

  Task<HealthFinding> run() override {
    const Result<net::Stream> stream = co_await connector_.open(HealthConnector::Tls::never);
    if (!stream) co_return connector_.finding();
    HealthFinding passed;
    passed.result = metrics::HealthResult::serving;
    co_return passed;
  }
  void cancel() noexcept override { connector_.cancel(); }
  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  net::Loop& loop_;
  HealthConnector connector_;
};

}  // namespace

extern constinit const HealthProbeKind kTcpHealth{
    config::HealthKind::tcp,
    [](net::Loop& loop, const HealthTarget& target, const upstream::HealthSpec&) -> std::unique_ptr<HealthProbe> {
      return std::make_unique<TcpHealthProbe>(loop, target);
    }};

}  // namespace postern::proxy
