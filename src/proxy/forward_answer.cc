// The second half of Forwarder: the answer on its way to the client, what becomes of it when time is over or the client
// leaves, and the tunnel that an answer may begin.

#include "proxy/failure.h"
#include "proxy/forward.h"
#include "proxy/heads.h"
#include "proxy/tunnel.h"

namespace postern::proxy {

Task<void> Forwarder::relay_response(UpstreamExchange& up) {
  http::ResponseHead& head = up.response();
  Exchange& exchange = rc_.exchange;
  if (head.framing == http::Framing::until_close) head.framing = http::Framing::chunked;
  rc_.status = head.status;
  rc_.relayed = true;
  BodySource& source = grpc_web_ ? grpc_web_->translate_answer(rc_, head, up.response_body()) : up.response_body();
  exchange.start_response(head);
  up.drop_head();
  up.set_read_timeout(route_.idle_timeout.count());
  BodySink& sink = exchange.response_body();
  Result<void> moved;
  if (!pump_ready(source, sink)) moved = co_await pump(source, sink);
  if (moved) {
    finish_response(up);
    if (sink.try_flush() != Flushed::done) moved = co_await sink.flush();
    if (moved) co_return;
  }
  last_error_ = moved.error();
  count_failure(last_error_, false);
  rc_.reason = relay_reason(last_error_);
  if (last_error_.side == Side::downstream && may_finish_alone()) {
    exchange.abort(last_error_);
    co_await discard(source);
    if (source.at_end()) co_return;
  }
  if (time_over_ && tell_time_over(sink, head.framing)) {
    up.cancel(last_error_);
    moved = co_await sink.flush();
    if (moved) co_return;
  }
  exchange.abort(last_error_);
  up.cancel(last_error_);
}

/// Takes the rest of an answer that nobody wants any more, so that the endpoint is not disturbed.
Task<void> Forwarder::discard(BodySource& source) {
  while (!source.at_end()) {
    const std::string_view data = source.peek();
    source.consume(data.size());
    if (!data.empty() || source.at_end()) continue;
    const Result<void> more = co_await source.fill();
    if (!more) co_return;
  }
}

Task<void> Forwarder::relay_tunnel(UpstreamExchange& up) {
  Exchange& exchange = rc_.exchange;
  rc_.status = up.response().status;
  exchange.start_response(up.response());
  deadline_.clear();  // of the answer: this is it, and what follows has a clock of its own
  const Result<void> flushed = co_await exchange.response_body().flush();
  Error ended = flushed ? Error{Code::ok} : flushed.error();
  if (flushed) {
    settle_head(rc_);
    up.drop_head();
    up.set_read_timeout(0);
    exchange.set_request_body_timeout(0);
    Tunnel tunnel(loop_, exchange, up, route_.websocket_idle_timeout.count());
    tunnel_ = &tunnel;
    if (draining_) tunnel.drain();
    ended = co_await tunnel.run();
    tunnel_ = nullptr;
  }
  if (ended.code == Code::ok) co_return;
  if (ended.side == Side::self) {
    if (ended.code == Code::timeout) rc_.reason = metrics::Reason::tunnel_idle;
    co_return;
  }
  last_error_ = ended;
  count_failure(ended, false);
  rc_.reason = relay_reason(ended);
  exchange.abort(ended);
  up.cancel(ended);
}

void Forwarder::finish_response(UpstreamExchange& up) noexcept {
  const http::Fields& all = up.response_body().trailers();
  http::Fields allowed;
  if (grpc_web_) return rc_.exchange.response_body().finish(nullptr);  // they are in the body
  if (forwards_grpc(rc_)) return rc_.exchange.response_body().finish(all.empty() ? nullptr : &all);
  rc_.exchange.response_body().finish(allowed_trailers(route_.response_trailers, all, allowed));
}

// A call that has begun to answer ends with a status, too, where trailers are sure to arrive: a reset would leave the
// caller to guess. (A message that it cuts apart is no message to gRPC.)
bool Forwarder::tell_time_over(BodySink& sink, http::Framing framing) noexcept {
  if (rc_.grpc != grpc::Kind::grpc || rc_.request().minor_version != 2) return false;
  // It is the upstream that was waited for, and nothing has promised a length or ended the body.
  if (last_error_.side != Side::upstream || framing != http::Framing::chunked || sink.wants_flush()) return false;
  http::Fields trailers;
  trailers.add(grpc::kStatusName, grpc::to_digits(grpc::Status::deadline_exceeded));
  trailers.add(grpc::kMessageName, "the time for this call is over");
  sink.finish(&trailers);
  return true;
}

void Forwarder::on_client_gone(Error why) noexcept {
  if (tunnel_) {
    client_error_ = why;
    return tunnel_->fail(why);
  }
  if (may_finish_alone()) return;  // its answer is thrown away when it comes
  client_error_ = why;
  cancel_tries(why);
}

/// Whatever waits for something on the way to an answer ends with that error.
void Forwarder::cancel_tries(Error why) noexcept {
  for (Attempt* attempt : {&first_, &second_}) {
    if (attempt->has_begun()) attempt->cancel(why);
  }
  if (waiting_) waiting_->notify();
}

/// The route wants work that was begun to be finished, and the endpoint has all that it needs for it.
bool Forwarder::may_finish_alone() noexcept {
  return route_.on_disconnect == config::OnDisconnect::finish && current_->exchange() && body_->at_end() &&
         current_->uploads().running() == 0 && !rc_.exchange.is_cut();
}

void Forwarder::on_client_fin() noexcept {
  // In a tunnel it is the end of one direction, and its reader sees it.
  if (!tunnel_ && route_.on_client_fin == config::OnClientFin::abort)
    on_client_gone(Error{Code::closed, Side::downstream, Retry::never});
}

void Forwarder::on_drain() noexcept {
  draining_ = true;
  if (tunnel_) tunnel_->drain();
}

void Forwarder::on_time_over() noexcept {
  time_over_ = true;
  const Error error{Code::timeout, Side::upstream, Retry::never};
  cancel_tries(error);
  rc_.exchange.stop_reading(error);
}

}  // namespace postern::proxy
