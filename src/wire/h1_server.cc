#include "wire/h1_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "wire/linger.h"
#include "wire/ws_handshake.h"

namespace postern::wire {

namespace {
/// How long the rest of a body that nobody wants may take before the connection is given up.
constexpr std::int64_t kSwallowMs = 2'000;
}  // namespace

Task<void> H1Server::run() {
  After after = After::next;
  while (after == After::next) {
    if (input_.empty()) {
      input_.release_kept();
      const bool more = co_await wait_for_request();
      if (!more) co_return;
    }
    H1ExchangePool::Pointer exchange = exchanges_.take();
    exchange->begin(stream_, input_, peer_, settings_);
    current_ = exchange.get();
    after = co_await serve_one(*exchange);
    current_ = nullptr;
    exchange->end();
    input_.release_kept();
    if (after == After::next && must_end()) after = After::linger;
  }
  if (after == After::linger) co_await linger(stream_);
}

void H1Server::drain(Drain level) noexcept {
  drain_ = std::max(drain_, level);
  if (current_) current_->close_after();
  if (idle_ && must_end()) stream_.socket().readable().interrupt();
}

void H1Server::end_streams() noexcept {
  streams_end_ = true;
  if (current_) current_->drain();
}

void H1Server::cut() noexcept {
  drain_ = Drain::all;
  if (current_) current_->cut();
}

// A request that has arrived was sent before the client could know: it is answered.
bool H1Server::has_request() const noexcept {
  char first;
  return ::recv(stream_.socket().fd(), &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

Task<bool> H1Server::wait_for_request() {
  if (must_end()) co_return has_request();
  if (stream_.may_read()) co_return true;
  idle_ = true;
  const std::int64_t timeout = first_ ? settings_.header_timeout_ms : settings_.keepalive_timeout_ms;
  const net::Waited waited = co_await stream_.socket().readable().wait(timeout);
  idle_ = false;
  if (waited == net::Waited::cancelled && must_end()) co_return has_request();
  co_return waited == net::Waited::ready;
}

Task<H1Server::After> H1Server::serve_one(H1Exchange& exchange) {
  const HeadOutcome head = co_await read_head(exchange);
  first_ = false;
  if (head.gone) co_return After::close;
  if (drain_ != Drain::none) exchange.close_after();
  if (streams_end_) exchange.drain();
  if (head.status != 0) {
    exchange.close_after();
    co_await handler_.reject(exchange, head.status, head.reason);
    co_return exchange.aborted() ? After::close : After::linger;
  }
  co_await handler_.serve(exchange);
  if (exchange.aborted()) {
    stream_.abort();
    co_return After::close;
  }
  if (!exchange.may_go_on()) co_return After::linger;
  if (exchange.body().at_end()) co_return After::next;
  const bool swallowed = co_await swallow_body(exchange);
  co_return swallowed ? After::next : After::linger;
}

Task<H1Server::HeadOutcome> H1Server::read_head(H1Exchange& exchange) {
  std::size_t scanned = 0;
  std::int64_t deadline = 0;
  net::IoStatus want = net::IoStatus::want_read;
  bool wait = input_.drained();
  for (;;) {
    if (!input_.empty()) {
      const std::string_view unread = input_.unread();
      const ParseResult parsed = parse_request_head(input_.data(), unread.size(), scanned, settings_.limits,
                                                    settings_.scheme, exchange.request());
      if (parsed.status == ParseStatus::complete) co_return accept_head(exchange, parsed.consumed);
      if (parsed.status == ParseStatus::failed) co_return HeadOutcome{parsed.http_status, parsed.reason};
      scanned = unread.size();
    }
    if (wait) {
      const std::int64_t now = coarse_now_ms();
      if (deadline == 0) deadline = now + settings_.header_timeout_ms;  // for the whole head, not for each read
      const net::Waited waited = co_await stream_.wait(want, std::max<std::int64_t>(deadline - now, 1));
      if (waited == net::Waited::cancelled) co_return HeadOutcome{.gone = true};
      if (waited == net::Waited::timeout) {
        // Nothing came at all: there is no request to answer.
        co_return input_.empty() ? HeadOutcome{.gone = true}
                                 : HeadOutcome{408, "the request's head did not arrive in time"};
      }
    }
    const net::IoResult got = input_.read(BufferPool::kSmall);
    if (got.status == net::IoStatus::error && input_.is_full()) co_return HeadOutcome{431, "head too large"};
    if (got.status == net::IoStatus::eof && !input_.empty())
      co_return HeadOutcome{400, "connection ended within the head"};
    if (got.status == net::IoStatus::eof || got.status == net::IoStatus::error) co_return HeadOutcome{.gone = true};
    // Part of a TLS record may be here and look like something to read: what the last read said comes first.
    wait = got.status != net::IoStatus::ok || input_.drained();
    if (got.status != net::IoStatus::ok) want = got.status;
  }
}

H1Server::HeadOutcome H1Server::accept_head(H1Exchange& exchange, std::size_t consumed) noexcept {
  http::RequestHead& head = exchange.request();
  input_.consume(consumed);
  const WsUpgrade upgrade = read_ws_upgrade(head);
  if (upgrade.wanted && upgrade.status == 0) exchange.ask_websocket(upgrade.key);
  if (upgrade.status == 426) exchange.offer_websocket();
  exchange.begin_body();
  if (upgrade.status != 0) return {upgrade.status, upgrade.reason};
  if (const char* bad = http::check_query(head.query)) return {400, bad};
  if (head.path.empty() || head.path == "*") return {};
  const std::size_t room = head.path.size();
  const http::UriResult normal = http::normalise_path(head.path, settings_.uri, {exchange.path_scratch(room), room});
  if (!normal.ok()) return {400, normal.error};
  head.path = normal.path;
  return {};
}

Task<bool> H1Server::swallow_body(H1Exchange& exchange) {
  H1Body& body = exchange.body();
  body.set_read_timeout(kSwallowMs);
  std::uint64_t swallowed = 0;
  while (!body.at_end()) {
    const std::string_view data = body.peek();
    if (data.empty() && !body.at_end()) {
      const Result<void> more = co_await body.fill();
      if (!more) co_return false;
      continue;
    }
    swallowed += data.size();
    if (swallowed > H1Exchange::kSwallow) co_return false;
    body.consume(data.size());
  }
  co_return true;
}

}  // namespace postern::wire
