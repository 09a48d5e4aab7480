#include "proxy/health_connect.h"

#include "net/connect.h"
#include "net/tls_client_context.h"
#include "net/tls_session.h"

namespace postern::proxy {

using metrics::HealthResult;

namespace {
/// Longer than any check may take: their clock is the caller's.
constexpr std::int64_t kNoTimeoutMs = 3'600'000;
}  // namespace

Task<Result<net::Stream>> HealthConnector::open(Tls tls) {
  finding_ = {};
  Result<net::Socket> socket = co_await net::connect(loop_, target_.address, kNoTimeoutMs, &waiting_);
  if (!socket) {
    const Code code = socket.error().code;
    finding_.result = code == Code::timeout ? HealthResult::timeout : HealthResult::unreachable;
    finding_.detail = code == Code::refused ? "connection refused" : "it cannot be reached";
    finding_.ours = code == Code::exhausted;
    co_return socket.error();
  }
  net::Stream stream(std::move(*socket), Side::upstream);
  if (tls == Tls::never || !target_.tls) co_return std::move(stream);
  waiting_ = &stream.socket();
  const Result<void> secured = co_await secure(stream);
  waiting_ = nullptr;
  if (!secured) co_return secured.error();
  co_return std::move(stream);
}

Task<Result<void>> HealthConnector::secure(net::Stream& stream) {
  auto session = std::make_unique<net::TlsSession>();
  net::TlsSession& tls = *session;
  finding_.result = HealthResult::tls;
  const std::string no_resumption;
  if (!tls.connect(target_.tls, stream.socket().fd(), target_.host, no_resumption)) {
    finding_.detail = tls.last_error_text();
    co_return Error{Code::tls, Side::upstream, Retry::never};
  }
  stream.start_tls(std::move(session));
  const Result<void> done = co_await stream.handshake(kNoTimeoutMs);
  if (!done) finding_.detail = tls.last_error_text();
  co_return done;
}

}  // namespace postern::proxy
