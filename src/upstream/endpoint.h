// One address of an upstream on one core, with the connections that are kept to it.
// The pipeline takes and returns connections, the dialer (above) makes new ones. One core only; survives a reload.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "metrics/core_metrics.h"
#include "net/loop.h"
#include "net/socket_address.h"
#include "postern/upstream_connection.h"

namespace postern::upstream {

/// Closes, and counts that.
struct CloseConnection {
  metrics::UpstreamRow* metrics = nullptr;
  void operator()(UpstreamConnection* connection) const noexcept {
    delete connection;
    if (metrics) metrics->open.sub();
  }
};
using ConnectionPtr = std::unique_ptr<UpstreamConnection, CloseConnection>;

class Endpoint final : private KeptWatcher {
 public:
  struct Limits {
    std::int64_t keepalive_timeout_ms = 4'000;
    std::size_t max_idle = 64;
  };

  Endpoint(net::Loop& loop, std::string name, net::SocketAddress address, Limits limits, metrics::UpstreamRow& metrics);
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  ~Endpoint();

  /// The connection that was used last, or nullptr. `careful`: see UpstreamConnection::take().
  ConnectionPtr find(bool careful) noexcept;
  /// Kept for the next request, or closed when there are enough.
  void keep(ConnectionPtr connection) noexcept;
  void close_kept() noexcept;

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
  void expire() noexcept;

  net::Loop& loop_;
  const std::string name_;  // as configured: "host:port"
  const std::string host_;
  const net::SocketAddress address_;
  const Limits limits_;
  metrics::UpstreamRow& metrics_;
  std::vector<Kept> kept_;  // oldest first
  net::Timer expiry_;
};

}  // namespace postern::upstream
