#include "proxy/tunnel.h"

#include <algorithm>

#include "base/clock.h"

namespace postern::proxy {

namespace {
constexpr Error kDone{Code::cancelled, Side::self, Retry::never};
}  // namespace

Tunnel::Tunnel(net::Loop& loop, Exchange& client, UpstreamExchange& upstream, std::int64_t idle_timeout_ms,
               std::int64_t grace_ms) noexcept
    : client_(client),
      upstream_(upstream),
      relays_(loop.frames()),
      wake_(loop),
      to_upstream_(client.request_body(), upstream.request_body(), wire::WsFrames::Sender::client),
      to_client_(upstream.response_body(), client.response_body(), wire::WsFrames::Sender::server),
      idle_timeout_ms_(idle_timeout_ms),
      grace_ms_(grace_ms) {}

Task<Error> Tunnel::run() {
  last_activity_ms_ = coarse_now_ms();
  relays_.start(relay(to_upstream_));
  relays_.start(relay(to_client_));
  for (;;) {
    look();
    if (relays_.running() == 0) break;
    // Nothing else happens between the look and the wait: no notification is lost.
    const net::Waited waited = co_await wake_.wait(delay());
    static_cast<void>(waited);
  }
  co_return result_;
}

// Whoever flushes says so: run() must keep its hands off meanwhile.
Task<Result<void>> Tunnel::flush(Direction& way) {
  way.flushing = true;
  const Result<void> flushed = co_await way.sink.flush();
  way.flushing = false;
  if (way.frames.closed()) wake_.notify();
  co_return flushed;
}

// One direction, up to its end. While it waits in fill() nothing in its sink is borrowed: then, and only then, run()
// may put something there, too.
Task<Result<void>> Tunnel::move(Direction& way) {
  for (bool urgent = false;;) {
    if ((urgent || way.sink.wants_flush()) && way.sink.try_flush() != Flushed::done) {
      const Result<void> flushed = co_await flush(way);
      if (!flushed) co_return flushed;
    }
    urgent = closing_ && !way.muted && put_close(way);
    if (urgent) continue;
    const std::string_view data = way.source.peek();
    if (!data.empty()) {
      if (pass(way, data)) continue;
      break;
    }
    if (way.sink.try_flush() != Flushed::done) {
      const Result<void> flushed = co_await flush(way);
      if (!flushed) co_return flushed;
      continue;  // what has come, or begun, meanwhile
    }
    if (way.source.at_end()) break;
    const Result<void> more = co_await way.source.fill();
    if (!more) co_return more;
  }
  const Result<void> flushed = co_await flush(way);
  if (!flushed || over_ || way.finished) co_return flushed;
  way.finished = true;
  way.sink.finish(nullptr);
  const Result<void> ended = co_await flush(way);
  co_return ended;
}

Task<void> Tunnel::relay(Direction& way) {
  const Result<void> moved = co_await move(way);
  if (!moved) fail(moved.error());
  way.ended = true;
  wake_.notify();
}

// False: this direction has nothing more to say.
bool Tunnel::pass(Direction& way, std::string_view data) noexcept {
  last_activity_ms_ = coarse_now_ms();
  if (way.muted) {
    way.frames.feed(data);
    way.source.consume(data.size());
    // Its own Close answers ours. What is no frame never will.
    return !way.frames.closed() && !way.frames.broken();
  }
  if (way.finished) {
    way.source.consume(data.size());
    return true;
  }
  const std::size_t size = closing_ ? way.frames.feed_to_boundary(data) : data.size();
  if (!closing_) way.frames.feed(data);
  way.sink.put(data.substr(0, size));
  way.source.consume(size);
  if (way.frames.closed()) wake_.notify();
  return true;
}

bool Tunnel::put_close(Direction& way) noexcept {
  if (way.frames.closed() || !way.frames.at_boundary()) return false;
  char* const end = wire::write_ws_close(way.close.data(), way.sender, wire::kWsGoingAway);
  way.sink.put({way.close.data(), static_cast<std::size_t>(end - way.close.data())});
  way.muted = true;
  return true;
}

std::int64_t Tunnel::delay() const noexcept {
  if (over_) return 0;
  const std::int64_t due = deadline_ms_ != 0      ? deadline_ms_
                           : idle_timeout_ms_ > 0 ? last_activity_ms_ + idle_timeout_ms_
                                                  : 0;
  return due == 0 ? 0 : std::max<std::int64_t>(due - coarse_now_ms(), 1);
}

void Tunnel::look() noexcept {
  if (over_) return;
  const std::int64_t now = coarse_now_ms();
  if (to_upstream_.frames.closed() && to_client_.frames.closed() && !closing_) part();
  if (over_) return;
  if (draining_ && !closing_) begin_closing(Code::cancelled);
  if (deadline_ms_ == 0) {
    if (to_upstream_.ended || to_client_.ended) {
      deadline_ms_ = now + grace_ms_;
    } else if (idle_timeout_ms_ > 0 && now - last_activity_ms_ >= idle_timeout_ms_) {
      begin_closing(Code::timeout);
    }
  } else if (now >= deadline_ms_) {
    end();
  }
}

void Tunnel::begin_closing(Code why) noexcept {
  closing_ = true;
  result_ = Error{why, Side::self, Retry::never};
  if (deadline_ms_ == 0) deadline_ms_ = coarse_now_ms() + grace_ms_;
  for (Direction* way : {&to_upstream_, &to_client_}) {
    if (way->frames.broken()) {  // nobody here speaks WebSocket: there is no way to say it
      end();
      return;
    }
    // One that is sending does it when it has finished.
    if (!way->ended && !way->flushing && put_close(*way)) way->sink.try_flush();
  }
}

// Each side has said Close, and nothing follows that. The server ends the connection first (RFC 6455 7.1.1), which is
// us towards the client; when it has ended, too, nobody waits for an endpoint that leaves its half open.
void Tunnel::part() noexcept {
  if (to_client_.ended || to_client_.flushing) return;
  end_quietly(to_client_);
  if (to_upstream_.ended)
    end();
  else if (deadline_ms_ == 0)
    deadline_ms_ = coarse_now_ms() + grace_ms_;
}

void Tunnel::fail(Error why) noexcept {
  // Two ends look like a broken connection to whoever watches it.
  if (over_ || (to_upstream_.ended && to_client_.ended)) return;
  // Behind a Close nothing is lost: many a peer tears the connection down then, and means no harm.
  if (closing_ || to_upstream_.frames.closed() || to_client_.frames.closed()) {
    end();
    return;
  }
  over_ = true;
  result_ = why;
  client_.abort(why);
  upstream_.cancel(why);
  wake_.notify();
}

void Tunnel::drain() noexcept {
  draining_ = true;
  wake_.notify();
}

// Those who were asked to end had their time.
void Tunnel::end() noexcept {
  if (over_) return;
  over_ = true;
  if (to_client_.flushing) {
    client_.abort(kDone);
  } else {
    end_quietly(to_client_);
    client_.stop_reading(kDone);
  }
  if (!to_upstream_.flushing) end_quietly(to_upstream_);
  upstream_.cancel(kDone);
}

void Tunnel::end_quietly(Direction& way) noexcept {
  if (way.ended || way.finished) return;
  way.finished = true;
  way.sink.finish(nullptr);
  way.sink.try_flush();
}

}  // namespace postern::proxy
