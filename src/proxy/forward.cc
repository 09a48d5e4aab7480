#include "proxy/forward.h"

#include "proxy/heads.h"
#include "proxy/sticky.h"

namespace postern::proxy {

namespace {
/// "Incremental: ?1": whoever sends or reads the body does so piece by piece, and would wait for ever behind a buffer.
bool wants_it_incremental(const http::RequestHead& head) noexcept {
  return head.fields.find(http::FieldId::incremental).starts_with("?1");
}
constexpr Error kDone{Code::cancelled, Side::self, Retry::never};
constexpr int kMaxInterim = 10;
}  // namespace

Forwarder::Forwarder(net::Loop& loop, RequestContext& rc, std::string_view date) noexcept
    : loop_(loop),
      rc_(rc),
      route_(*rc.match.route->forward()),
      date_(date),
      body_(&rc.exchange.request_body()),
      first_(loop),
      second_(loop),
      deadline_([](void* self) noexcept { static_cast<Forwarder*>(self)->on_time_over(); }, this) {}

Forwarder::~Forwarder() { rc_.exchange.watch_client(nullptr); }

Task<const Reply*> Forwarder::run() {
  limit_ = time_limit(rc_);
  if (limit_.total.count() > 0) loop_.set_timer(deadline_, limit_.total.count());
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
  cluster->traffic().budget.request(rc_.started / 1'000'000);
  hold_body();
  for (;;) {
    if (!current_->has_begun()) {
      if (const Place place = find_place(*current_); place != Place::found) {
        const Reply* none = co_await wait_for_place(*current_, place);
        if (none) co_return none;
      }
    }
    if (const std::int64_t delay = hedge_delay_ms(); delay > 0)
      co_await race(delay);
    else
      co_await carry(*current_);
    const Step step = co_await conclude();
    if (step == Step::answered) co_return nullptr;
    if (step == Step::failed) break;
    ++rc_.retries;
    cluster->metrics().retries.add();
    if (pause_ms_ > 0) co_await pause(pause_ms_);
    if (is_given_up()) {
      if (client_error_.code != Code::ok) last_error_ = client_error_;
      break;
    }
  }
  co_return rc_.exchange.response_started() ? nullptr : reply_for(last_error_);
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

/// A body that has come with its head can be read again where it is; of others a copy is made on the way, where that
/// may be of use.
void Forwarder::hold_body() noexcept {
  const http::RequestHead& head = rc_.request();
  if (head.framing == http::Framing::none || buffered_ || grpc_web_ || !may_repeat()) return;
  const bool known = head.framing == http::Framing::length;
  if (known && (head.content_length > HeldBody::kMost || body_->peek().size() >= head.content_length)) return;
  held_.emplace(*body_, loop_.buffers(), known ? head.content_length : 0);
  body_ = &*held_;
}

/// One try up to the head of its answer, or to its failure: Attempt::error() tells.
Task<void> Forwarder::carry(Attempt& attempt) {
  attempt.span = rc_.trace.begin_try();
  if (!attempt.is_connected()) {
    const Result<void> connected = co_await attempt.connect(rc_.generation->clusters[route_.upstream]);
    if (!connected) {
      attempt.finish(connected.error());
      co_return;
    }
  }
  rc_.endpoint = upstream::EndpointPin(&attempt.endpoint());
  UpstreamExchange& up = attempt.open(route_.retry.try_timeout.count());
  up.set_read_timeout(route_.response_timeout.count());
  http::RequestHead& head = rc_.request();
  if (!route_.preserve_host) head.authority = attempt.endpoint().authority();
  if (limit_.total.count() > 0 && forwards_grpc(rc_))
    head.fields.set("grpc-timeout", write_grpc_timeout(rc_.timeout_space.data(), remaining_ms()));
  rc_.trace.announce(attempt.span);
  send_request(attempt);
  rc_.exchange.watch_client(this);
  const Result<void> read = co_await read_final_head(attempt);
  attempt.finish(read ? Error{Code::ok} : read.error());
}

Task<Result<void>> Forwarder::read_final_head(Attempt& attempt) {
  UpstreamExchange& up = *attempt.exchange();
  for (int interim = 0;;) {
    const Result<void> got = co_await up.read_head();
    if (!got) {
      // The clock of the answer starts when the request is out. (That of a try has its own, which cancels.)
      if (got.error() == Error{Code::timeout, Side::upstream, Retry::never} && attempt.uploads().running() > 0 &&
          !attempt.is_cancelled() && !time_over_)
        continue;
      co_return got.error();
    }
    http::ResponseHead& head = up.response();
    if (head.status >= 200 || (head.status == 101 && wants_tunnel())) co_return Result<void>();
    // Nobody asked for another protocol, nor for news without end.
    if (head.status == 101 || ++interim > kMaxInterim) break;
    if (head.status == 100 || racing_ || !prepare_response(rc_, head, date_)) continue;
    rc_.exchange.inform(head);
    const Result<void> flushed = co_await rc_.exchange.response_body().flush();
    if (!flushed) co_return flushed.error();
  }
  co_return Error{Code::malformed, Side::upstream, Retry::never};
}

void Forwarder::finish_request_body(UpstreamExchange& up) noexcept {
  const http::Fields& all = body_->trailers();
  http::Fields allowed;
  const AccessRules& rules = *rc_.generation->snapshot->access;
  const http::Fields* kept = all.empty() ? nullptr : &all;
  if (!forwards_grpc(rc_)) kept = allowed_trailers(route_.request_trailers, all, allowed);
  if (kept && rules.is_active) {
    if (kept != &allowed) allowed = *kept;
    rules.names.strip(allowed);
    kept = &allowed;
  }
  up.request_body().finish(kept);
}

// What becomes of it shows in the answer: an endpoint that stopped reading may have answered all the same.
void Forwarder::send_request(Attempt& attempt) {
  UpstreamExchange& up = *attempt.exchange();
  up.start_request(rc_.request());
  BodySink& sink = up.request_body();
  const bool whole = wants_tunnel() || pump_ready(*body_, sink);
  if (whole) {
    if (!wants_tunnel()) finish_request_body(up);
    if (sink.try_flush() == Flushed::done) return;
  }
  // The rest goes on beside the answer, which may come early.
  attempt.uploads().start(upload(up, whole));
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

/// The answer is out, or there will be none: what is left of the request is nobody's.
Task<void> Forwarder::finish_upload(Attempt& attempt) {
  if (attempt.uploads().running() == 0) co_return;
  attempt.cancel(kDone);
  // All that the client sent, or will send, may be here: then it is the endpoint that is waited for, and another try
  // could still have the body.
  if (!buffered_ && !body_->at_end()) {
    rc_.exchange.stop_reading(kDone);
    body_broken_ = true;
  }
  co_await attempt.uploads().join();
}

}  // namespace postern::proxy
