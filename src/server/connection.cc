#include "server/connection.h"

#include <sys/socket.h>

#include <algorithm>

#include "base/log.h"
#include "crypto/peer_certificate.h"
#include "identity/certificate_identity.h"
#include "identity/header_texts.h"
#include "net/tls_server_context.h"
#include "net/tls_session.h"
#include "server/core.h"
#include "wire/proxy_protocol.h"

namespace postern::server {

namespace {

metrics::HandshakeFailure handshake_failure(net::TlsFailure failure) noexcept {
  switch (failure) {
    case net::TlsFailure::not_tls:
      return metrics::HandshakeFailure::not_tls;
    case net::TlsFailure::version:
    case net::TlsFailure::cipher:
    case net::TlsFailure::alpn:
      return metrics::HandshakeFailure::no_common;
    case net::TlsFailure::no_certificate:
    case net::TlsFailure::verify:
      return metrics::HandshakeFailure::client_certificate;
    case net::TlsFailure::peer_alert:
      return metrics::HandshakeFailure::client_rejected;
    case net::TlsFailure::truncated:
    case net::TlsFailure::reset:
      return metrics::HandshakeFailure::closed;
    default:
      return metrics::HandshakeFailure::other;
  }
}

}  // namespace

Connection::Connection(Core& core, proxy::GenerationPin generation, std::uint16_t listener, net::Socket socket,
                       const http::Address& from)
    : core_(core),
      generation_(std::move(generation)),
      policy_(generation_->snapshot->listeners[listener]),
      metrics_(core.metrics().listener(policy_.slot)),
      stream_(std::move(socket), Side::downstream),
      server_(stream_, peer_, policy_.h1, core.pipeline(), core.exchanges()),
      h2_counter_(metrics_) {
  peer_.listener = listener;
  set_address(from);
  metrics_.open.add();
  core_.add(*this);
}

Connection::~Connection() {
  core_.remove(*this);
  metrics_.open.sub();
  stream_.close();
}

void Connection::set_address(const http::Address& address) noexcept {
  peer_.address = address;
  peer_.address_text = "unix";
  if (address.is_known()) {
    char* const end = http::write_ip(address_text_.data(), address);
    peer_.address_text = {address_text_.data(), static_cast<std::size_t>(end - address_text_.data())};
  }
  peer_.trusted = !policy_.trusted_proxies.empty() && policy_.trusted_proxies.contains(address);
}

Task<void> Connection::run() {
  if (!policy_.proxy_protocol_from.empty() && policy_.proxy_protocol_from.contains(peer_.address)) {
    const bool known = co_await read_proxy_header();
    if (!known) co_return;
  }
  if (policy_.max_connections_per_address != 0 && !take_place()) co_return;
  if (policy_.tls_material) {
    const bool secured = co_await secure();
    if (!secured) co_return;
  }
  const bool h2 = co_await speaks_h2();
  if (h2)
    h2_ = std::make_unique<wire::H2Server>(stream_, peer_, policy_.h1, policy_.h2, core_.pipeline(),
                                           core_.h2_exchanges(), h2_counter_);
  if (h2_) metrics_.h2_accepted.add();
  if (core_.drain_level() != wire::Drain::none) drain(core_.drain_level());
  if (core_.ends_streams()) end_streams();
  if (core_.closes_idle() && !h2_ && !policy_.essential) server_.drain(wire::Drain::idle);
  if (h2_)
    co_await h2_->run();
  else
    co_await server_.run();
}

// Nothing is taken from the socket: whoever serves the connection wants to see its first bytes.
Task<bool> Connection::speaks_h2() {
  if (policy_.h2.only) co_return true;  // whoever does not begin with the preface is closed by nghttp2's check
  if (stream_.is_secure()) co_return stream_.tls()->alpn() == "h2";
  if (!policy_.h2.cleartext) co_return false;
  constexpr std::string_view kPreface = "PRI";  // no method of HTTP/1; nghttp2 checks the rest
  const int fd = stream_.socket().fd();
  const std::int64_t deadline = coarse_now_ms() + policy_.h1.header_timeout_ms;
  std::array<char, kPreface.size()> start;
  for (int wanted = 1;;) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof wanted);
    const std::int64_t left = std::max<std::int64_t>(deadline - coarse_now_ms(), 1);
    const net::Waited waited = co_await stream_.socket().readable().wait(left);
    const ssize_t size =
        waited == net::Waited::ready ? ::recv(fd, start.data(), start.size(), MSG_PEEK | MSG_DONTWAIT) : 0;
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
      stream_.socket().readable().clear_ready();
      continue;
    }
    const std::string_view seen(start.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    const bool may_be = !seen.empty() && kPreface.starts_with(seen) && !stream_.socket().peer_finished();
    if (may_be && seen.size() < kPreface.size()) {
      wanted = static_cast<int>(seen.size()) + 1;
      stream_.socket().readable().clear_ready();
      continue;
    }
    const int one = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
    stream_.socket().readable().set_ready();
    co_return seen == kPreface;
  }
}

// Looked at before it is taken: what follows the header belongs to TLS or HTTP, and stays in the socket for them.
Task<bool> Connection::read_proxy_header() {
  const int fd = stream_.socket().fd();
  const std::int64_t deadline = coarse_now_ms() + policy_.h1.header_timeout_ms;
  Buffer space = core_.loop().buffers().small();
  wire::ProxyHeader header;
  for (int wanted = 1;;) {
    const std::int64_t left = std::max<std::int64_t>(deadline - coarse_now_ms(), 1);
    // Readable means "more than we have seen": otherwise half a header would wake us for ever.
    ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof wanted);
    const net::Waited waited = co_await stream_.socket().readable().wait(left);
    const ssize_t size =
        waited == net::Waited::ready ? ::recv(fd, space.data(), wire::kProxyHeaderMax, MSG_PEEK | MSG_DONTWAIT) : 0;
    stream_.socket().readable().clear_ready();
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    wire::ProxyResult result;
    if (size > 0) result = wire::parse_proxy_header(space.data(), static_cast<std::size_t>(size), header);
    // A report without more bytes is an end, or older than our last look (io_uring).
    const bool cut_off = size < wanted && stream_.socket().peer_finished();
    if (size > 0 && result.status == wire::ParseStatus::need_more && !cut_off) {
      wanted = static_cast<int>(size) + 1;
      continue;
    }
    if (size <= 0 || result.status != wire::ParseStatus::complete) {
      metrics_.reject(metrics::Rejection::proxy_header);
      log::debug("bad PROXY header", {{"listener", policy_.name},
                                      {"from", peer_.address_text},
                                      {"why", result.reason ? result.reason : "cut off"}});
      co_return false;
    }
    const int one = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
    ::recv(fd, space.data(), result.consumed, MSG_DONTWAIT);
    stream_.socket().readable().set_ready();  // what follows came with it, maybe
    if (header.source.is_known()) set_address(http::unmapped(header.source));
    co_return true;
  }
}

// Whoever has no address (a Unix socket's peer, a PROXY header that names none) is not one client among others.
bool Connection::take_place() {
  if (!peer_.address.is_known()) return true;
  place_ = core_.addresses().take(policy_.slot, peer_.address, policy_.max_connections_per_address);
  if (!place_) metrics_.reject(metrics::Rejection::address_limit);
  return static_cast<bool>(place_);
}

Task<bool> Connection::secure() {
  const auto& context = generation_->tls[peer_.listener];
  auto session = std::make_unique<net::TlsSession>();
  net::TlsSession& tls = *session;
  if (!context || !tls.accept(context, stream_.socket().fd())) {
    metrics_.reject(metrics::Rejection::memory);
    co_return false;
  }
  stream_.start_tls(std::move(session));
  const Result<void> done = co_await stream_.handshake(policy_.tls_handshake_timeout_ms);
  if (!done) {
    const bool late = done.error().code == Code::timeout;
    metrics_.handshake_failed(late ? metrics::HandshakeFailure::timeout : handshake_failure(tls.failure()));
    log::debug("TLS handshake failed",
               {{"listener", policy_.name}, {"from", peer_.address_text}, {"why", tls.last_error_text()}});
    co_return false;
  }
  (tls.resumed() ? metrics_.handshakes_resumed : metrics_.handshakes_full).add();
  describe_tls();
  co_return true;
}

void Connection::describe_tls() {
  const net::TlsSession& tls = *stream_.tls();
  peer_.secure = true;
  peer_.tls_version = tls.version();
  peer_.server_name = tls.sni();
  peer_.connection = &tls;
  peer_.covers = [](const void* session, std::string_view host) noexcept {
    return static_cast<const net::TlsSession*>(session)->same_certificate(host);
  };
  const X509* shown = tls.peer_certificate();
  if (!shown || !generation_->snapshot->access->is_active) return;
  certificate_ = std::make_unique<const crypto::PeerCertificate>(crypto::describe_peer(shown));
  peer_.certificate = certificate_.get();
  std::optional<Principal> who = identity::principal_of(*certificate_, policy_.name);
  if (!who) return;
  identity::write_header_texts(*who);
  peer_.certified = PrincipalPin(*std::move(who));
}

void Connection::drain(wire::Drain level) noexcept {
  if (h2_)
    h2_->drain();  // its clients are told, and lose nothing
  else
    server_.drain(level);
}

void Connection::end_streams() noexcept {
  if (h2_)
    h2_->end_streams();
  else
    server_.end_streams();
}

bool Connection::relieve() noexcept {
  if (policy_.essential) return false;
  const bool idle = h2_ ? h2_->is_idle() : server_.is_idle();
  if (!h2_)
    server_.drain(wire::Drain::idle);
  else if (idle)
    h2_->drain();
  return idle;
}

void Connection::cut() noexcept {
  if (h2_)
    h2_->cut();
  else
    server_.cut();
  stream_.cancel();
}

Task<void> run_connection(Core& core, proxy::GenerationPin generation, std::uint16_t listener, net::Socket socket,
                          http::Address from) {
  Connection connection(core, std::move(generation), listener, std::move(socket), from);
  co_await connection.run();
}

}  // namespace postern::server
