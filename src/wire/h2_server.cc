#include "wire/h2_server.h"

#include <array>

#include "wire/linger.h"

namespace postern::wire {

namespace {
/// How long a client may take to answer the ping that tells when it has heard of the coming end.
constexpr std::int64_t kDrainGraceMs = 1'000;
constexpr std::int64_t kTlsRetryMs = 10;
}  // namespace

H2Server::H2Server(net::Stream& stream, const Peer& peer, const H1Settings& common, const H2Settings& settings,
                   RequestHandler& handler, H2ExchangePool& exchanges, H2Observer& observer) noexcept
    : H2Session(stream, Role::server, settings),
      peer_(peer),
      common_(common),
      handler_(handler),
      exchanges_(exchanges),
      observer_(observer),
      requests_(stream.frames()),
      tls_pause_(stream.loop()),
      deadline_(
          [](void* self) noexcept {
            static_cast<H2Server*>(self)->expired_ = true;
            static_cast<H2Server*>(self)->wake_reader();
          },
          this),
      drain_grace_([](void* self) noexcept { static_cast<H2Server*>(self)->end_now(NGHTTP2_NO_ERROR); }, this) {}

Task<void> H2Server::run() {
  const std::array<nghttp2_settings_entry, 2> ours{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings().max_streams},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
  }};
  if (!start(ours)) co_return;
  started_ = true;
  if (draining_) begin_drain();
  co_await read_frames();
  set_clock(Clock::off);
  drain_grace_.clear();
  const bool orderly = !failed() || error().code == Code::closed;
  write_now();  // the reason, where we are the one who ends it
  fail(Error{Code::reset, Side::downstream, Retry::never});
  co_await requests_.join();
  if (coming_) coming_->end();
  if (orderly) co_await linger(stream());
}

Task<void> H2Server::read_frames() {
  for (;;) {
    const Input input = read_available();
    start_requests();
    if (failed() || input == Input::ended) co_return;
    watch_clock();
    if (input == Input::more) {
      co_await loop().yield();
    } else if (wanted() == net::IoStatus::want_write) {
      // TLS has to write before it can read, and cannot: the socket's one waiter for room is our writer.
      co_await tls_pause_.wait(kTlsRetryMs);
    } else if (!expired_) {
      const net::Waited waited = co_await stream().wait(net::IoStatus::want_read, 0);
      if (waited == net::Waited::cancelled && !woken_) co_return;
      woken_ = false;
    }
    if (expired_) {
      end_now(NGHTTP2_NO_ERROR);
      co_return;
    }
  }
}

void H2Server::wake_reader() noexcept {
  woken_ = true;
  stream().socket().readable().interrupt();
}

void H2Server::on_failed() noexcept { wake_reader(); }

H2Stream* H2Server::on_new_stream(std::int32_t id) noexcept {
  // Work counts, not streams: what a client has reset holds its place until the work behind it has stopped.
  if (serving_ >= settings().max_streams) return nullptr;
  if (coming_) {
    let_go(*coming_);
    coming_->end();
  }
  coming_ = exchanges_.take(loop());
  coming_->begin(*this, *this, peer_, common_, id);
  return coming_.get();
}

void H2Server::on_request(H2Exchange& exchange) noexcept {
  static_cast<void>(coming_.release());  // == &exchange
  any_request_ = true;
  ++serving_;
  if (ready_last_)
    ready_last_->next_ready = &exchange;
  else
    ready_first_ = &exchange;
  ready_last_ = &exchange;
}

void H2Server::start_requests() noexcept {
  if (ready_first_) set_clock(Clock::off);  // one that is answered at once is a sign of life as well
  while (ready_first_) {
    H2ExchangePool::Pointer exchange(ready_first_, H2ExchangePool::Return{&exchanges_});
    ready_first_ = exchange->next_ready;
    if (!ready_first_) ready_last_ = nullptr;
    requests_.start(serve(std::move(exchange)));
  }
}

Task<void> H2Server::serve(H2ExchangePool::Pointer exchange) {
  const H2Request::Verdict verdict = exchange->verdict();
  if (verdict.status != 0)
    co_await handler_.reject(*exchange, verdict.status, verdict.reason);
  else
    co_await handler_.serve(*exchange);
  if (!exchange->aborted() && exchange->response_started() && !exchange->out.is_sent()) {
    const bool sent = co_await exchange->out.wait_sent();
    static_cast<void>(sent);
  }
  release(*exchange);
  if (--serving_ == 0) watch_clock();
}

void H2Server::release(H2Exchange& exchange) noexcept {
  const bool answered = exchange.out.is_sent();
  if (answered && !exchange.in.ended() && exchange.open && !failed()) write_now();
  // nghttp2 sends nothing of a stream behind a reset, not even what was queued before it: its head, or its trailers.
  const bool all_out = exchange.open && !failed() && nghttp2_session_get_stream_local_close(raw(), exchange.id) == 1;
  if (!answered)
    detach(exchange, NGHTTP2_CANCEL);  // it took nothing for too long, or nothing was answered
  else if (!exchange.in.ended() && all_out)
    detach(exchange, NGHTTP2_NO_ERROR);  // the answer is whole: the rest of the request is nobody's
  else
    let_go(exchange);
  exchange.end();
}

void H2Server::watch_clock() noexcept { set_clock(in_head() ? Clock::head : serving_ == 0 ? Clock::idle : Clock::off); }

/// Time runs from the change: neither pings nor bytes that come one by one make it longer.
void H2Server::set_clock(Clock clock) noexcept {
  if (clock == clock_) return;
  clock_ = clock;
  deadline_.clear();
  if (clock == Clock::off) return;
  const bool waits_for_first = clock == Clock::head || !any_request_;
  loop().set_timer(deadline_, waits_for_first ? common_.header_timeout_ms : common_.keepalive_timeout_ms);
}

void H2Server::drain() noexcept {
  if (draining_) return;
  draining_ = true;
  if (started_) begin_drain();
}

void H2Server::begin_drain() noexcept {
  if (failed()) return;
  announce_end();
  nghttp2_submit_ping(raw(), NGHTTP2_FLAG_NONE, nullptr);
  loop().set_timer(drain_grace_, kDrainGraceMs);
}

void H2Server::end_streams() noexcept {
  streams_end_ = true;
  tell_drain();
}

// What the client began before it heard of the end has arrived by now.
void H2Server::on_ping_ack() noexcept {
  if (!drain_grace_.is_set()) return;  // nobody asked: one answer is one end
  drain_grace_.clear();
  end_now(NGHTTP2_NO_ERROR);
}

void H2Server::cut() noexcept {
  draining_ = cut_ = true;
  fail(Error{Code::cancelled, Side::downstream, Retry::never});
}

}  // namespace postern::wire
