// A connection for a health check: TCP or Unix, TLS where the upstream has it. Apart from those of the traffic, so that
// a check neither takes their streams nor profits from a session that was verified long ago. One core only.
#pragma once

#include "net/stream.h"
#include "proxy/health_probe.h"

namespace postern::proxy {

class HealthConnector {
 public:
  /// Both outlive it.
  HealthConnector(net::Loop& loop, const HealthTarget& target) noexcept : loop_(loop), target_(target) {}

  enum class Tls : std::uint8_t { as_configured, never };
  /// The stream, or nothing: then finding() says why. Waits until cancel() if need be.
  Task<Result<net::Stream>> open(Tls tls);
  [[nodiscard]] const HealthFinding& finding() const noexcept { return finding_; }
  /// Ends an open() that waits.
  void cancel() noexcept {
    if (waiting_) waiting_->cancel();
  }
  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  Task<Result<void>> secure(net::Stream& stream);

  net::Loop& loop_;
  const HealthTarget& target_;
  net::Socket* waiting_ = nullptr;
  HealthFinding finding_;
};

}  // namespace postern::proxy
