// Health by handshake: a full one each time, with the certificate verified as the upstream's table says.
// Made by the table in health_probe.cc.
#include "proxy/health_connect.h"

namespace postern::proxy {

namespace {

class TlsHealthProbe final : public HealthProbe {
 public:
  TlsHealthProbe(net::Loop& loop, const HealthTarget& target) noexcept : loop_(loop), connector_(loop, target) {}

  Task<HealthFinding> run() override {
    Result<net::Stream> stream = co_await connector_.open(HealthConnector::Tls::as_configured);
    if (!stream) co_return connector_.finding();
    stream->shutdown_send();
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

extern constinit const HealthProbeKind kTlsHealth{
    config::HealthKind::tls,
    [](net::Loop& loop, const HealthTarget& target, const upstream::HealthSpec&) -> std::unique_ptr<HealthProbe> {
      return std::make_unique<TlsHealthProbe>(loop, target);
    }};

}  // namespace postern::proxy
