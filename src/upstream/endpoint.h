// One address of an upstream on one core, with the connections that are kept to it: exclusive ones that rest between
// two requests (HTTP/1), and shared ones that carry many at once (HTTP/2).
// The pipeline takes and returns connections, the dialer (above) makes new ones. Its cluster and every request that
// uses it hold a pin: one that has left the upstream lives until its last request. One core only; survives a reload.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "metrics/core_metrics.h"
#include "net/loop.h"
#include "net/socket_address.h"
#include "postern/balancer.h"
#include "postern/upstream_connection.h"
#include "upstream/circuit.h"
#include "upstream/dial_gate.h"
#include "upstream/shared_upstream.h"
#include "upstream/token.h"
#include "upstream/try_outcome.h"

namespace postern::upstream {

/// Closes, and counts that. A lease on a shared connection goes back uncounted (no metrics).
struct CloseConnection {
  metrics::UpstreamRow* metrics = nullptr;
  EndpointState* counted = nullptr;  // in its circuit
  void operator()(UpstreamConnection* connection) const noexcept {
    connection->dispose();
    if (metrics) metrics->open.sub();
    if (counted) counted->end_connection();
  }
};
using ConnectionPtr = std::unique_ptr<UpstreamConnection, CloseConnection>;

class Endpoint final : private KeptWatcher, private SharedWatcher {
 public:
  struct Limits {
    std::int64_t keepalive_timeout_ms = 4'000;
    std::size_t max_idle = 64;
    Circuit::Settings circuit;
  };

  Endpoint(net::Loop& loop, const EndpointSet::Member& member, Limits limits, metrics::UpstreamRow& metrics);
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

  /// It belongs to its upstream no more: nothing is kept from now on, requests that use it go on.
  void retire() noexcept;

  /// What limits it.
  Circuit& circuit() noexcept { return circuit_; }
  /// What all cores know of it.
  [[nodiscard]] EndpointState& state() const noexcept { return *state_; }
  [[nodiscard]] const std::shared_ptr<EndpointState>& shared_state() const noexcept { return state_; }
  [[nodiscard]] bool is_usable() const noexcept { return state_->is_usable(); }
  /// This core's, of what the tries came to.
  [[nodiscard]] TryCounts& counts() const noexcept { return *counts_; }
  /// What this core knows of it. Its id is told apart from every other one of the upstream.
  [[nodiscard]] Candidate& candidate() noexcept { return candidate_; }
  [[nodiscard]] const Candidate& candidate() const noexcept { return candidate_; }
  [[nodiscard]] std::uint64_t id() const noexcept { return candidate_.id; }
  /// As its source gave it last. Name and address never change.
  [[nodiscard]] const EndpointSpec& spec() const noexcept { return spec_; }
  /// By the cluster: weight, priority or zone may be others now.
  void set_spec(const EndpointSpec& spec) { spec_ = spec; }
  /// What stands for it in a cookie; empty: nothing does. By the cluster.
  [[nodiscard]] std::string_view token() const noexcept { return {token_.data(), has_token_ ? token_.size() : 0}; }
  void set_token(const EndpointToken* token) noexcept {
    has_token_ = token != nullptr;
    if (token) token_ = *token;
  }
  /// By Cluster::report(). What failed counts as slower than it was, so that failing fast attracts nobody.
  void record(TryOutcome outcome, Nanoseconds now, Nanoseconds took) noexcept;

  [[nodiscard]] const net::SocketAddress& address() const noexcept { return spec_.address; }
  [[nodiscard]] const std::string& name() const noexcept { return spec_.name; }
  /// For SNI and certificates.
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  /// For the Host field, where the client's is not kept.
  [[nodiscard]] const std::string& authority() const noexcept { return address().is_unix() ? host_ : name(); }

 private:
  struct Kept {
    ConnectionPtr connection;
    std::int64_t since_ms = 0;
  };

  void on_kept_lost(UpstreamConnection& connection) noexcept override;
  void on_shared_idle(SharedConnection& connection, bool idle) noexcept override;
  void on_shared_lost(SharedConnection& connection) noexcept override;
  void expire() noexcept;

  friend class EndpointPin;

  net::Loop& loop_;
  EndpointSpec spec_;
  const std::string host_;
  const std::shared_ptr<EndpointState> state_;
  const std::shared_ptr<TryCounts> counts_;
  const Limits limits_;
  metrics::UpstreamRow& metrics_;
  std::vector<Kept> kept_;  // oldest first
  std::vector<std::shared_ptr<SharedConnection>> shared_;
  Circuit circuit_;
  DialGate dials_;
  std::size_t streams_ = 100;
  bool shares_ = true;
  bool retired_ = false;
  bool has_token_ = false;
  EndpointToken token_{};
  std::uint32_t pins_ = 0;
  Candidate candidate_;
  net::Timer expiry_;
};

/// Keeps an Endpoint alive. One core only: no atomics.
class EndpointPin {
 public:
  EndpointPin() = default;
  explicit EndpointPin(Endpoint* endpoint) noexcept : endpoint_(endpoint) {
    if (endpoint_) ++endpoint_->pins_;
  }
  EndpointPin(const EndpointPin& other) noexcept : EndpointPin(other.endpoint_) {}
  EndpointPin(EndpointPin&& other) noexcept : endpoint_(std::exchange(other.endpoint_, nullptr)) {}
  EndpointPin& operator=(EndpointPin other) noexcept {
    std::swap(endpoint_, other.endpoint_);
    return *this;
  }
  ~EndpointPin() {
    if (endpoint_ && --endpoint_->pins_ == 0) delete endpoint_;
  }
  [[nodiscard]] Endpoint* get() const noexcept { return endpoint_; }
  Endpoint* operator->() const noexcept { return endpoint_; }
  Endpoint& operator*() const noexcept { return *endpoint_; }
  explicit operator bool() const noexcept { return endpoint_ != nullptr; }

 private:
  Endpoint* endpoint_ = nullptr;
};

/// One request at an endpoint, for as long as this lives. Pins it. Made by Cluster::begin().
class InFlight {
 public:
  InFlight() = default;
  explicit InFlight(Endpoint& endpoint) noexcept : endpoint_(&endpoint) { ++endpoint.candidate().in_flight; }
  InFlight(InFlight&& other) noexcept = default;
  InFlight& operator=(InFlight&& other) noexcept {
    end();
    endpoint_ = std::move(other.endpoint_);
    return *this;
  }
  ~InFlight() { end(); }
  void end() noexcept {
    if (const EndpointPin ended = std::exchange(endpoint_, {})) --ended->candidate().in_flight;
  }
  [[nodiscard]] Endpoint* endpoint() const noexcept { return endpoint_.get(); }

 private:
  EndpointPin endpoint_;
};

}  // namespace postern::upstream
