// One downstream connection from accept to close: PROXY header, TLS handshake, then its wire.
// Lives in run_connection()'s frame; listed in its core for drains. One core only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/task.h"
#include "http/address.h"
#include "metrics/core_metrics.h"
#include "net/stream.h"
#include "postern/exchange.h"
#include "proxy/snapshot.h"
#include "server/address_table.h"
#include "wire/h1_server.h"
#include "wire/h2_server.h"

namespace postern::server {

class Core;

class Connection {
 public:
  Connection(Core& core, proxy::GenerationPin generation, std::uint16_t listener, net::Socket socket,
             const http::Address& from);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Task<void> run();
  FramePool& frames() noexcept { return stream_.frames(); }

  /// Ends, at the latest after the request that is on the way.
  void drain(wire::Drain level) noexcept;
  /// Tunnels and the like are told to end.
  void end_streams() noexcept;
  /// drain() for a connection that idles, and others take no second request; true if it idled. Under overload:
  /// HTTP/2 connections in use stay, since their clients would only open others.
  bool relieve() noexcept;
  /// Ends now.
  void cut() noexcept;

 private:
  friend class Core;  // the list

  /// Adds what an HTTP/2 connection sees to its listener's metrics.
  struct H2Counter final : wire::H2Observer {
    explicit H2Counter(metrics::ListenerRow& listener) noexcept : row(listener) {}
    void on_h2_event(wire::H2Event event) noexcept override { row.h2(event); }
    metrics::ListenerRow& row;
  };

  Task<bool> read_proxy_header();
  /// False: this client has as many connections as it may.
  bool take_place();
  Task<bool> secure();
  /// Whether the client speaks HTTP/2: TLS agreed on it, or the listener lets plain connections begin with its preface.
  Task<bool> speaks_h2();
  void set_address(const http::Address& address) noexcept;
  void describe_tls();

  Core& core_;
  const proxy::GenerationPin generation_;
  const proxy::ListenerPolicy& policy_;
  metrics::ListenerRow& metrics_;
  net::Stream stream_;
  std::unique_ptr<const crypto::PeerCertificate> certificate_;  // the client's
  Peer peer_;
  AddressTable::Place place_;
  std::array<char, http::kIpTextMax + 1> address_text_;
  wire::H1Server server_;
  H2Counter h2_counter_;
  std::unique_ptr<wire::H2Server> h2_;  // instead
  Connection* next_ = nullptr;
  Connection* previous_ = nullptr;
};

/// The whole life of a connection.
Task<void> run_connection(Core& core, proxy::GenerationPin generation, std::uint16_t listener, net::Socket socket,
                          http::Address from);

}  // namespace postern::server
