#include "proxy/forward.h"

#include <algorithm>
#include <array>

#include "proxy/dial.h"
#include "proxy/failure.h"
#include "proxy/heads.h"
#include "proxy/sticky.h"

namespace postern::proxy {

namespace {
/// "Incremental: ?1": whoever sends or reads the body does so piece by piece, and would wait for ever behind a buffer.
bool wants_it_incremental(const http::RequestHead& head) noexcept {
  return head.fields.find(http::FieldId::incremental).starts_with("?1");
}
constexpr Error kDone{Code::cancelled, Side::self, Retry::never};
}  // namespace

Forwarder::Forwarder(net::Loop& loop, RequestContext& rc, std::string_view date) noexcept
    : loop_(loop),
      rc_(rc),
      route_(*rc.match.route->forward()),
      date_(date),
      uploads_(loop.frames()),
      body_(&rc.exchange.request_body()),
      deadline_([](void* self) noexcept { static_cast<Forwarder*>(self)->on_time_over(); }, this) {}

Forwarder::~Forwarder() { rc_.exchange.watch_client(nullptr); }

Task<const Reply*> Forwarder::run() {
  if (const auto total = time_limit(rc_); total.count() > 0) loop_.set_timer(deadline_, total.count());
  // Both sides of a call may stream for as long as it lasts: pauses of the caller are no slower an attack than its
  // waiting for an answer.
  if (rc_.grpc == grpc::Kind::grpc) rc_.exchange.set_request_body_timeout(route_.idle_timeout.count());
  if (route_.grpc_web && grpc::is_web(rc_.grpc)) {
    grpc_web_.emplace(loop_.buffers());
    body_ = &grpc_web_->translate_request(rc_, *body_);
  }
  if (route_.buffer_request && !wants_tunnel() && !wants_it_incremental(rc_.request())) {
    const bool read = co_await buffer_request();
    if (!read) co_return &reply_;
  }
  const std::shared_ptr<upstream::Cluster>& cluster = rc_.generation->clusters[route_.upstream];
  rc_.cluster = cluster.get();
  find_affinity(rc_, buffered_ ? buffered_->peek() : std::string_view());
  if (const Reply* full = prepare_request(rc_)) co_return full;
  std::array<std::uint64_t, 16> tried{};
  bool fresh = false;  // after one kept connection turned out dead, its neighbours are suspect, too
  // As many tries as endpoints for those that cannot be reached, one more for a stale connection.
  for (std::size_t tries = 0; tries <= cluster->size(); ++tries) {
    upstream::PickRequest request{rc_.started, rc_.hash_key, rc_.sticky};
    if (tries > 0) request.now = now_ns();
    request.tried = {tried.data(), std::min(tries, tried.size())};
    const upstream::EndpointPin endpoint = cluster->pick(request);
    if (!endpoint) {
      cluster->metrics().failed(metrics::UpstreamError::no_endpoint);
      co_return reply_for(Error{Code::unreachable, Side::upstream, Retry::never});
    }
    if (tries > 0) {
      ++rc_.retries;
      cluster->metrics().retries.add();
    }
    tried[tries % tried.size()] = endpoint->id();
    const Step step = co_await try_once(*endpoint, fresh);
    if (step == Step::answered) co_return nullptr;
    if (step == Step::failed) break;
    fresh = fresh || last_error_.retry != Retry::always;  // refused is not stale
  }
  co_return rc_.exchange.response_started() ? nullptr : reply_for(last_error_);
}

Task<Forwarder::Step> Forwarder::try_once(upstream::Endpoint& endpoint, bool fresh) {
  rc_.endpoint = upstream::EndpointPin(&endpoint);
  const upstream::InFlight in_flight = upstream::Cluster::begin(endpoint);
  upstream::ConnectionPtr connection;
  if (!fresh) connection = endpoint.find(!may_repeat());
  if (connection) {
    rc_.cluster->metrics().reuses.add();
  } else {
    const Nanoseconds began = now_ns();
    Result<upstream::ConnectionPtr> dialled = co_await dial(loop_, *rc_.cluster, endpoint);
    if (!dialled) {
      last_error_ = dialled.error();
      const Nanoseconds now = now_ns();
      const bool ours = last_error_.code == Code::exhausted || last_error_.code == Code::cancelled;
      rc_.cluster->report(endpoint, ours ? upstream::TryOutcome::cancelled : upstream::TryOutcome::connect_failed, now,
                          now - began);
      count_failure(last_error_, false);
      co_return time_over_ ? Step::failed : Step::retry;
    }
    connection = std::move(*dialled);
    if (time_over_) co_return Step::failed;
  }
  const Step step = co_await exchange_over(*connection);
  current_ = nullptr;
  if (connection->finish() && step == Step::answered) endpoint.keep(std::move(connection));
  co_return step;
}

Task<Forwarder::Step> Forwarder::exchange_over(UpstreamConnection& connection) {
  UpstreamExchange& up = connection.open();
  current_ = &up;
  rc_.upstream_started = now_ns();
  up.set_read_timeout(route_.response_timeout.count());
  if (!route_.preserve_host) rc_.request().authority = rc_.endpoint->authority();
  send_request(up);
  rc_.exchange.watch_client(this);
  const Result<void> head = co_await read_final_head(up);
  if (!head) {
    const Error error = head.error();
    rc_.upstream_reset = up.reset_code();
    co_await finish_upload(up);
    co_return on_failure(connection, client_error_.code != Code::ok ? client_error_ : error);
  }
  rc_.first_byte = now_ns();
  const auto outcome = upstream::outcome_of(up.response().status);
  rc_.cluster->report(*rc_.endpoint, outcome, rc_.first_byte, rc_.first_byte - rc_.upstream_started);
  if (!prepare_response(rc_, up.response(), date_)) {
    last_error_ = Error{Code::malformed, Side::upstream, Retry::never};
    co_await finish_upload(up);
    co_return Step::failed;
  }
  if (up.response().status == 101)
    co_await relay_tunnel(up);
  else
    co_await relay_response(up);
  co_await finish_upload(up);
  co_return Step::answered;
}

void Forwarder::finish_request_body(UpstreamExchange& up) noexcept {
  const http::Fields& all = body_->trailers();
  http::Fields allowed;
  if (forwards_grpc(rc_)) return up.request_body().finish(all.empty() ? nullptr : &all);
  up.request_body().finish(allowed_trailers(route_.request_trailers, all, allowed));
}

// What becomes of it shows in the answer: an endpoint that stopped reading may have answered all the same.
void Forwarder::send_request(UpstreamExchange& up) {
  up.start_request(rc_.request());
  BodySink& sink = up.request_body();
  const bool whole = wants_tunnel() || pump_ready(*body_, sink);
  if (whole) {
    if (!wants_tunnel()) finish_request_body(up);
    if (sink.try_flush() == Flushed::done) return;
  }
  // The rest goes on beside the answer, which may come early.
  uploads_.start(upload(up, whole));
}

Task<void> Forwarder::upload(UpstreamExchange& up, bool queued) {
  BodySink& sink = up.request_body();
  if (!queued) {
    const Result<void> moved = co_await pump(*body_, sink);
    if (!moved) {
      // Never a clean end for what is not whole. When the endpoint stopped reading, its answer may still be there.
      if (moved.error().side == Side::downstream && client_error_.code == Code::ok && moved.error() != kDone) {
        client_error_ = moved.error();
        up.cancel(client_error_);
      }
      co_return;
    }
    finish_request_body(up);
  }
  const Result<void> flushed = co_await sink.flush();
  static_cast<void>(flushed);
}

Task<void> Forwarder::finish_upload(UpstreamExchange& up) {
  if (uploads_.running() == 0) co_return;
  // The answer is out, or there will be none: what is left of the request is nobody's.
  up.cancel(kDone);
  rc_.exchange.stop_reading(kDone);
  co_await uploads_.join();
}

Task<bool> Forwarder::buffer_request() {
  buffered_.emplace(*body_);
  const Result<void> read = co_await buffered_->read_all();
  if (!read) {
    reply_for(read.error());
    co_return false;
  }
  http::RequestHead& head = rc_.request();
  head.framing = buffered_->size() == 0 ? http::Framing::none : http::Framing::length;
  head.content_length = buffered_->size();
  body_ = &*buffered_;
  co_return true;
}

bool Forwarder::may_repeat() noexcept {
  if (wants_tunnel()) return false;
  switch (route_.retry.when) {
    case config::RetryWhen::never:
      return false;
    case config::RetryWhen::idempotent:
      return http::is_idempotent(rc_.request().method);
    case config::RetryWhen::always:
      return true;
  }
  return false;
}

Forwarder::Step Forwarder::on_failure(UpstreamConnection& connection, Error error) {
  last_error_ = error;
  count_failure(error, connection.is_reused());
  using upstream::TryOutcome;
  const bool blameless = error.side != Side::upstream || (error.retry != Retry::never && connection.is_reused());
  const TryOutcome failed = error.code == Code::timeout ? TryOutcome::timeout : TryOutcome::reset;
  const Nanoseconds now = now_ns();
  rc_.cluster->report(*rc_.endpoint, blameless ? TryOutcome::cancelled : failed, now, now - rc_.upstream_started);
  if (time_over_ || client_error_.code != Code::ok || error.retry == Retry::never) return Step::failed;
  // Retry::always: the endpoint says that it did nothing with the request (RFC 9113 8.7), whatever its method is.
  if (error.retry == Retry::if_reused && !may_repeat()) return Step::failed;
  if (buffered_) {
    buffered_->rewind();
    return Step::retry;
  }
  if (grpc_web_) grpc_web_->rewind();
  return rc_.exchange.rewind_request_body() ? Step::retry : Step::failed;
}

const Reply* Forwarder::reply_for(Error error) noexcept {
  const BodyFailure body = rc_.exchange.request_body_failure();
  if (time_over_) error = Error{Code::timeout, Side::upstream, Retry::never};
  reply_ = failure_reply(error, body);
  return &reply_;
}

void Forwarder::count_failure(Error error, bool reused) noexcept {
  if (error.side == Side::upstream)
    rc_.cluster->metrics().failed(upstream_error(error, reused, rc_.exchange.response_started()));
}

void Forwarder::on_time_over() noexcept {
  time_over_ = true;
  const Error error{Code::timeout, Side::upstream, Retry::never};
  if (current_) current_->cancel(error);
  rc_.exchange.stop_reading(error);
}

}  // namespace postern::proxy
