#include "proxy/dial.h"

#include "base/log.h"
#include "net/connect.h"
#include "net/stream.h"
#include "net/tls_client_context.h"
#include "net/tls_session.h"
#include "wire/h1_client.h"
#include "wire/h2_client.h"

namespace postern::proxy {

namespace {

/// What an endpoint may send as a head; the same as on HTTP/1.
constexpr std::uint32_t kMaxHeaderBytes = 48 * 1024;

Task<Result<void>> secure(net::Loop& loop, net::Stream& stream, upstream::Cluster& cluster,
                          const upstream::Endpoint& endpoint, std::int64_t timeout_ms) {
  static_cast<void>(loop);
  auto session = std::make_unique<net::TlsSession>();
  net::TlsSession& tls = *session;
  if (!tls.connect(cluster.tls(), stream.socket().fd(), endpoint.host(), endpoint.name())) {
    co_return Error{Code::exhausted, Side::upstream, Retry::never};
  }
  stream.start_tls(std::move(session));
  const Result<void> done = co_await stream.handshake(timeout_ms);
  if (!done && done.error().code == Code::tls && endpoint.is_usable()) {  // else its checks have said so before
    log::warn("TLS to upstream failed",
              {{"upstream", cluster.name()}, {"endpoint", endpoint.name()}, {"why", tls.last_error_text()}});
  }
  co_return done;
}

}  // namespace

Result<bool> speaks_h2(const net::Stream& stream, upstream::Cluster& cluster, const upstream::Endpoint& endpoint) {
  const bool must = cluster.protocol() == config::UpstreamProtocol::h2;
  if (!stream.is_secure()) return must;
  if (stream.tls()->alpn() == "h2") return true;  // only offered where it is wanted
  if (!must) return false;
  if (endpoint.is_usable())
    log::warn("the upstream does not agree to HTTP/2 (ALPN)",
              {{"upstream", cluster.name()}, {"endpoint", endpoint.name()}, {"alpn", stream.tls()->alpn()}});
  return Error{Code::tls, Side::upstream, Retry::always};
}

Task<Result<net::Stream>> open_stream(net::Loop& loop, upstream::Cluster& cluster, const upstream::Endpoint& endpoint,
                                      std::int64_t timeout_ms) {
  Result<net::Socket> socket = co_await net::connect(loop, endpoint.address(), timeout_ms);
  if (!socket) co_return socket.error();
  net::Stream stream(std::move(*socket), Side::upstream);
  if (cluster.tls()) {
    const Result<void> secured = co_await secure(loop, stream, cluster, endpoint, timeout_ms);
    if (!secured) {
      Error error = secured.error();
      error.retry = Retry::always;
      co_return error;
    }
  }
  co_return std::move(stream);
}

namespace {

/// `counted`: the endpoint's circuit counts it, until it closes.
Result<upstream::ConnectionPtr> share(net::Stream stream, upstream::Cluster& cluster, upstream::Endpoint& endpoint,
                                      std::shared_ptr<upstream::EndpointState> counted) {
  const upstream::SharedLimits limits = cluster.shared_limits();
  wire::H2ClientSettings settings;
  settings.h2.max_streams = limits.max_streams;
  settings.expected_streams = static_cast<std::uint32_t>(endpoint.streams_per_connection(limits.max_streams));
  settings.h2.max_header_bytes = kMaxHeaderBytes;
  settings.idle_timeout_ms = limits.idle_timeout_ms;
  settings.max_age_ms = limits.max_age_ms;
  settings.max_requests = limits.max_requests;
  metrics::UpstreamRow& row = cluster.metrics();
  const std::shared_ptr<wire::H2Client> client(new wire::H2Client(std::move(stream), settings),
                                               [&row, counted = std::move(counted)](wire::H2Client* closed) {
                                                 delete closed;
                                                 row.open.sub();
                                                 if (counted) counted->end_connection();
                                               });
  row.open.add();
  if (!client->start()) return Error{Code::exhausted, Side::upstream, Retry::never};
  endpoint.share(client);
  return endpoint.lease(*client);
}

/// A place in the endpoint's circuit, for as long as a connection is being made.
class CountedConnection {
 public:
  CountedConnection() = default;
  CountedConnection(const CountedConnection&) = delete;
  CountedConnection& operator=(const CountedConnection&) = delete;
  ~CountedConnection() {
    if (state_) state_->end_connection();
  }
  bool begin(upstream::Endpoint& endpoint) noexcept {
    if (!endpoint.circuit().counts_connections()) return true;
    if (!endpoint.circuit().connect()) return false;
    state_ = endpoint.shared_state();
    return true;
  }
  /// To the connection. nullptr: it is not counted.
  std::shared_ptr<upstream::EndpointState> hand_over() noexcept { return std::exchange(state_, nullptr); }

 private:
  std::shared_ptr<upstream::EndpointState> state_;
};

/// A connection of our own. Others may be waiting for it.
Task<Result<upstream::ConnectionPtr>> connect(net::Loop& loop, upstream::Cluster& cluster, upstream::Endpoint& endpoint,
                                              CountedConnection& counted) {
  const Nanoseconds started = now_ns();
  Result<net::Stream> stream = co_await open_stream(loop, cluster, endpoint, cluster.connect_timeout_ms());
  if (!stream) co_return stream.error();
  cluster.metrics().connects.add();
  cluster.metrics().connect_ns.add(static_cast<std::uint64_t>(now_ns() - started));
  const Result<bool> h2 = speaks_h2(*stream, cluster, endpoint);
  if (!h2) co_return h2.error();
  endpoint.set_shares(*h2);
  if (*h2) co_return share(std::move(*stream), cluster, endpoint, counted.hand_over());
  cluster.metrics().open.add();
  const std::shared_ptr<upstream::EndpointState> state = counted.hand_over();  // its endpoint lives as long as it does
  upstream::ConnectionPtr connection(new wire::H1Client(std::move(*stream)), {&cluster.metrics(), state.get()});
  co_return std::move(connection);
}

}  // namespace

Task<Result<upstream::ConnectionPtr>> dial(net::Loop& loop, upstream::Cluster& cluster, upstream::Endpoint& endpoint) {
  const bool may_share = cluster.protocol() != config::UpstreamProtocol::http1;
  upstream::DialGate& gate = endpoint.dials();
  while (may_share && endpoint.shares() &&
         gate.is_open(endpoint.streams_per_connection(cluster.streams_per_connection()))) {
    const Error outcome = co_await gate.wait(cluster.connect_timeout_ms());
    if (outcome.code != Code::ok) co_return outcome;
    upstream::ConnectionPtr lease = endpoint.find_shared();
    if (!lease) continue;
    cluster.metrics().reuses.add();
    co_return std::move(lease);
  }
  CountedConnection counted;
  if (!counted.begin(endpoint)) co_return Error{Code::exhausted, Side::upstream, Retry::always};
  gate.begin();
  Result<upstream::ConnectionPtr> connection = co_await connect(loop, cluster, endpoint, counted);
  gate.end(connection ? Error{Code::ok} : connection.error());
  co_return connection;
}

}  // namespace postern::proxy
