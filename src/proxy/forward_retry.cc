// Forwarder's part on what a try came to: the answer goes on to the client, or another try follows, or what failed is
// the end of it.

#include <algorithm>

#include "proxy/failure.h"
#include "proxy/forward.h"
#include "proxy/heads.h"

namespace postern::proxy {

using config::RetryOn;
using upstream::TryOutcome;

namespace {
constexpr Error kDone{Code::cancelled, Side::self, Retry::never};
constexpr std::uint32_t kRefusedStream = 7;  // RFC 9113 7

bool is_status(RetryOn cause) noexcept { return cause >= RetryOn::unavailable; }
}  // namespace

Task<Forwarder::Step> Forwarder::conclude() {
  Attempt& attempt = *current_;
  rc_.endpoint = upstream::EndpointPin(&attempt.endpoint());
  rc_.upstream_started = attempt.sent();
  if (attempt.error().code != Code::ok) {
    if (attempt.exchange()) rc_.upstream_reset = attempt.exchange()->reset_code();
    co_await finish_upload(attempt);
    co_return after_failure(attempt);
  }
  UpstreamExchange& up = *attempt.exchange();
  const auto end = end_of(up.response(), rc_.grpc != grpc::Kind::none);
  if (end && after_status(attempt, *end)) co_return Step::retry;
  attempt.report(upstream::outcome_of(up.response().status));
  rc_.first_byte = attempt.ended();
  if (route_.hedge.quantile > 0)
    cluster().traffic().latency.record(rc_.first_byte - rc_.started, rc_.first_byte / 1'000'000);
  if (!prepare_response(rc_, up.response(), date_)) {
    last_error_ = Error{Code::malformed, Side::upstream, Retry::never};
    end_span(attempt, up.response().status, to_string(last_error_.code));
    co_await finish_upload(attempt);
    attempt.end(false);
    co_return Step::failed;
  }
  if (held_ && attempt.uploads().running() == 0) held_->let_go();
  if (up.response().status == 101)
    co_await relay_tunnel(up);
  else
    co_await relay_response(up);
  co_await finish_upload(attempt);
  const bool whole = rc_.reason == metrics::Reason::none;
  end_span(attempt, rc_.status, whole ? std::string_view() : metrics::to_string(rc_.reason));
  attempt.end(true);
  co_return Step::answered;
}

void Forwarder::end_span(const Attempt& attempt, std::uint16_t status, std::string_view error) noexcept {
  rc_.trace.end_try(rc_, attempt.span, {.endpoint = attempt.endpoint().name(), .status = status, .error = error});
}

/// An answer that a next try may better. True: it is gone, and current_ has its place for that try.
bool Forwarder::after_status(Attempt& attempt, const TryEnd& end) {
  // What is still on its way cannot start over.
  if (attempt.uploads().running() != 0) return false;
  UpstreamExchange& up = *attempt.exchange();
  if (!may_follow(end, retry_after_ms(up.response().fields))) return false;
  Attempt& next = spare();
  const bool ready = find_place(next) == Place::found && rewind_body();
  if (!ready) {
    next.end(false);
    return false;
  }
  const std::uint16_t status = up.response().status;
  attempt.report(status == 200 ? TryOutcome::error_status : upstream::outcome_of(status));
  cluster().metrics().responses[metrics::status_class(status)].add();
  end_span(attempt, status, {});
  BodySource& body = up.response_body();  // what is here already; for more the connection is not worth the wait
  for (std::string_view data = body.peek(); !data.empty(); data = body.peek()) body.consume(data.size());
  if (!body.at_end()) attempt.cancel(kDone);
  attempt.end(true);
  current_ = &next;
  return true;
}

Forwarder::Step Forwarder::after_failure(Attempt& attempt) {
  const UpstreamExchange* const up = attempt.exchange();
  const Error error = client_error_.code != Code::ok ? client_error_ : attempt.error();
  last_error_ = error;
  count_failure(error, attempt.is_reused());
  const bool refused = up && up->reset_code() == kRefusedStream;
  const std::optional<TryEnd> end = end_of(error, up != nullptr, up && up->answered(), refused);
  TryOutcome outcome = error.code == Code::timeout ? TryOutcome::timeout : TryOutcome::reset;
  if (!up) outcome = TryOutcome::connect_failed;
  // A kept connection that was closed, a request that was left alone, a client that is gone or in a hurry: no fault.
  const bool patient = !time_over_ || !limit_.is_clients;
  const bool ours = error.side != Side::upstream || error.code == Code::exhausted || error.code == Code::cancelled;
  if (ours || !patient || (up && error.retry != Retry::never)) outcome = TryOutcome::cancelled;
  attempt.report(outcome);
  end_span(attempt, 0, to_string(error.code));
  attempt.end(false);
  if (!end || !may_follow(*end, std::nullopt) || !rewind_body()) return Step::failed;
  fresh_ = fresh_ || end->cause == RetryOn::stale || end->cause == RetryOn::reset;
  return Step::retry;
}

/// Everything but the body and the place. Sets pause_ms_; takes from the budget.
bool Forwarder::may_follow(const TryEnd& end, std::optional<std::int64_t> retry_after) noexcept {
  if (is_given_up() || rc_.exchange.response_started()) return false;
  const route::RetryRules& rules = route_.retry;
  if (!is_allowed(rules, end, may_repeat())) return false;
  pause_ms_ = 0;
  const auto endpoints = static_cast<std::uint32_t>(cluster().size());
  if (end.elsewhere && moves_ + 1 < std::max(endpoints, end.cause == RetryOn::connect ? 1U : 2U)) {
    ++moves_;
    return true;
  }
  if (repeats_ + 1 >= rules.attempts) return false;
  upstream::Traffic& traffic = cluster().traffic();
  if (end.cause != RetryOn::stale) pause_ms_ = backoff_ms(rules, repeats_ + 1, traffic.random.next());
  // Another endpoint need not be as busy as this one; who says "too many of you" means all of them.
  if (retry_after && is_status(end.cause) && (end.cause == RetryOn::status_429 || endpoints < 2)) {
    if (*retry_after < 0 || *retry_after > rules.max_retry_after.count()) return false;
    pause_ms_ = std::max(pause_ms_, *retry_after);
  }
  if (pause_ms_ >= remaining_ms()) return false;
  if (!traffic.budget.take(upstream::Extra::retry, now_ns() / 1'000'000, rules.share, rules.floor)) {
    cluster().metrics().retries_denied.add();
    return false;
  }
  ++repeats_;
  return true;
}

bool Forwarder::rewind_body() noexcept {
  if (body_broken_) return false;
  if (wants_tunnel()) return true;  // nothing of it is sent before the 101
  if (buffered_) {
    buffered_->rewind();
    return true;
  }
  if (held_) return held_->rewind();
  if (grpc_web_) grpc_web_->rewind();
  return rc_.exchange.rewind_request_body();
}

Task<void> Forwarder::pause(std::int64_t ms) {
  net::Signal news(loop_);
  waiting_ = &news;
  rc_.exchange.watch_client(this);
  const net::Waited waited = co_await news.wait(ms);
  static_cast<void>(waited);
  waiting_ = nullptr;
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

std::int64_t Forwarder::remaining_ms() const noexcept {
  constexpr std::int64_t kForEver = std::int64_t{1} << 50;
  if (limit_.total.count() <= 0) return kForEver;
  const std::int64_t gone = (now_ns() - rc_.started) / 1'000'000;
  return std::max<std::int64_t>(limit_.total.count() - gone, 1);
}

const Reply* Forwarder::reply_for(Error error) noexcept {
  const BodyFailure body = rc_.exchange.request_body_failure();
  if (time_over_) error = Error{Code::timeout, Side::upstream, Retry::never};
  reply_ = failure_reply(error, body);
  return &reply_;
}

void Forwarder::count_failure(Error error, bool reused) noexcept {
  if (error.side == Side::upstream)
    cluster().metrics().failed(upstream_error(error, reused, rc_.exchange.response_started()));
}

}  // namespace postern::proxy
