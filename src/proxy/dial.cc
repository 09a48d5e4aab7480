#include "proxy/dial.h"

#include "base/log.h"
#include "net/connect.h"
#include "net/stream.h"
#include "net/tls_client_context.h"
#include "net/tls_session.h"
#include "wire/h1_client.h"

namespace postern::proxy {

namespace {

Task<Result<void>> secure(net::Loop& loop, net::Stream& stream, upstream::Cluster& cluster,
                          const upstream::Endpoint& endpoint) {
  static_cast<void>(loop);
  auto session = std::make_unique<net::TlsSession>();
  net::TlsSession& tls = *session;
  if (!tls.connect(cluster.tls(), stream.socket().fd(), endpoint.host(), endpoint.name())) {
    co_return Error{Code::exhausted, Side::upstream, Retry::never};
  }
  stream.start_tls(std::move(session));
  const Result<void> done = co_await stream.handshake(cluster.connect_timeout_ms());
  if (!done && done.error().code == Code::tls) {
    log::warn("TLS to upstream failed",
              {{"upstream", cluster.name()}, {"endpoint", endpoint.name()}, {"why", tls.last_error_text()}});
  }
  co_return done;
}

}  // namespace

Task<Result<upstream::ConnectionPtr>> dial(net::Loop& loop, upstream::Cluster& cluster, upstream::Endpoint& endpoint) {
  const Nanoseconds started = now_ns();
  Result<net::Socket> socket = co_await net::connect(loop, endpoint.address(), cluster.connect_timeout_ms());
  if (!socket) co_return socket.error();
  net::Stream stream(std::move(*socket), Side::upstream);
  if (cluster.tls()) {
    const Result<void> secured = co_await secure(loop, stream, cluster, endpoint);
    if (!secured) {
      Error error = secured.error();
      error.retry = Retry::always;
      co_return error;
    }
  }
  cluster.metrics().connects.add();
  cluster.metrics().connect_ns.add(static_cast<std::uint64_t>(now_ns() - started));
  cluster.metrics().open.add();
  upstream::ConnectionPtr connection(new wire::H1Client(std::move(stream)), {&cluster.metrics()});
  co_return std::move(connection);
}

}  // namespace postern::proxy
