// One address of an upstream on one core, with the connections that are kept to it: exclusive ones that rest between
// two requests (HTTP/1), and shared ones that carry many at once (HTTP/2).
// The pipeline takes and returns connections, the dialer (above) makes new ones. One core only; survives a reload.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "metrics/core_metrics.h"
#include "net/loop.h"
#include "net/socket_address.h"
#include "postern/upstream_connection.h"
#include "upstream/dial_gate.h"
#include "upstream/health.h"

namespace postern::upstream {

/// Closes, and counts that. A lease on a shared connection goes back uncounted (no metrics).
struct CloseConnection {
  metrics::UpstreamRow* metrics = nullptr;
  void operator()(UpstreamConnection* connection) const noexcept {
    connection->dispose();
    if (metrics) metrics->open.sub();
  }
};
using ConnectionPtr = std::unique_ptr<UpstreamConnection, CloseConnection>;

class Endpoint final : private KeptWatcher, private SharedWatcher {
 public:
  struct Limits {
    std::int64_t keepalive_timeout_ms = 4'000;
    std::size_t max_idle = 64;
  };

  Endpoint(net::Loop& loop, std::string name, net::SocketAddress address, Limits limits, metrics::UpstreamRow& metrics);
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  ~Endpoint();

  /// A lease on a shared connection, or the connection that was used last, or nullptr. `careful`: see
  /// UpstreamConnection::take().
  ConnectionPtr find(bool careful) noexcept;
  /// The first shared connection with room: the oldest ones stay full, and those that only a burst needed fall idle
  /// and close, which spreading requests evenly would prevent.
  ConnectionPtr find_shared() noexcept;
  static ConnectionPtr lease(SharedConnection& connection) { return ConnectionPtr(connection.lease().release()); }
  /// For this request and others, until it ends.
  void share(std::shared_ptr<SharedConnection> connection) noexcept;
  /// Kept for the next request, or closed when there are enough.
  void keep(ConnectionPtr connection) noexcept;
  void close_kept() noexcept;
  DialGate& dials() noexcept { return dials_; }
  /// Requests at a time on one shared connection, as the last one said; at most `configured`.
  [[nodiscard]] std::size_t streams_per_connection(std::size_t configured) const noexcept {
    return std::clamp<std::size_t>(streams_, 1, configured);
  }
  /// What was agreed on last time; decides whether those that need a connection wait for one that is being made.
  void set_shares(bool shares) noexcept { shares_ = shares; }
  [[nodiscard]] bool shares() const noexcept { return shares_; }

  void set_health(EndpointHealth health) noexcept { health_ = health; }
  [[nodiscard]] bool is_healthy() const noexcept { return health_.is_healthy(); }
  /// By the cluster, which counts those that are not healthy.
  bool record_check(bool passed) noexcept { return health_.record(passed); }
  void forget_checks() noexcept { health_.reset(); }

  [[nodiscard]] const net::SocketAddress& address() const noexcept { return address_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// For SNI and certificates.
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  /// For the Host field, where the client's is not kept.
  [[nodiscard]] const std::string& authority() const noexcept { return address_.is_unix() ? host_ : name_; }

 private:
  struct Kept {
    ConnectionPtr connection;
    std::int64_t since_ms = 0;
  };

  void on_kept_lost(UpstreamConnection& connection) noexcept override;
  void on_shared_idle(SharedConnection& connection, bool idle) noexcept override;
  void on_shared_lost(SharedConnection& connection) noexcept override;
  void expire() noexcept;

  net::Loop& loop_;
  const std::string name_;  // as configured: "host:port"
  const std::string host_;
  const net::SocketAddress address_;
  const Limits limits_;
  metrics::UpstreamRow& metrics_;
  std::vector<Kept> kept_;  // oldest first
  std::vector<std::shared_ptr<SharedConnection>> shared_;
  DialGate dials_;
  std::size_t streams_ = 100;
  bool shares_ = true;
  EndpointHealth health_;
  net::Timer expiry_;
};

}  // namespace postern::upstream
