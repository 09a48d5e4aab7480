// Forwarder's part on hedges: where the first try is slow, a second one runs beside it at another endpoint. The first
// good answer wins, the other try is cancelled.

#include "proxy/forward.h"

namespace postern::proxy {

using metrics::HedgeResult;
using upstream::TryOutcome;

namespace {
constexpr Error kDone{Code::cancelled, Side::self, Retry::never};
constexpr double kHedgesASecond = 0.1;  // where there is hardly any traffic
}  // namespace

/// 0: this request is not hedged.
std::int64_t Forwarder::hedge_delay_ms() noexcept {
  const route::HedgeRules& rules = route_.hedge;
  if (!rules.is_set || rc_.retries != 0 || grpc_web_ || !may_repeat() || cluster().size() < 2) return 0;
  if (rules.after.count() > 0) return rules.after.count();
  return cluster().traffic().latency.quantile_ms(rules.quantile, rc_.started / 1'000'000);
}

/// A good answer, or one that is over; of two that are, the first good one counts.
bool Forwarder::is_good(const Attempt& attempt) const noexcept {
  if (!attempt.is_over() || attempt.error().code != Code::ok) return false;
  const auto end = end_of(attempt.exchange()->response(), rc_.grpc != grpc::Kind::none);
  return !end || !is_allowed(route_.retry, *end, true);
}

Task<void> Forwarder::run_racer(Attempt& attempt, net::Signal& news) {
  co_await carry(attempt);
  news.notify();
}

bool Forwarder::start_hedge(Attempt& first, Attempt& second) {
  if (is_given_up() || find_place(second) != Place::found) return false;
  upstream::Traffic& traffic = cluster().traffic();
  bool may = &second.endpoint() != &first.endpoint();
  if (may && !traffic.budget.take(upstream::Extra::hedge, now_ns() / 1'000'000, route_.hedge.share, kHedgesASecond)) {
    cluster().metrics().hedged(HedgeResult::denied);
    may = false;
  }
  may = may && rewind_body();
  if (!may) second.end(false);
  return may;
}

Task<void> Forwarder::race(std::int64_t delay_ms) {
  Attempt& first = *current_;
  Attempt& second = spare();
  net::Signal news(loop_);
  TaskGroup runs(loop_.frames());
  Attempt* loser = nullptr;
  racing_ = true;
  runs.start(run_racer(first, news));
  // A second one reads the same body, when the first is done with it: its time counts from there.
  for (bool ready = false; !first.is_over() && !ready;) {
    ready = first.uploads().running() == 0 && body_->at_end();
    const net::Waited waited = co_await news.wait(delay_ms);
    static_cast<void>(waited);
  }
  if (!first.is_over() && start_hedge(first, second)) {
    runs.start(run_racer(second, news));
    while (!is_good(first) && !is_good(second) && !(first.is_over() && second.is_over())) {
      const net::Waited waited = co_await news.wait(0);
      static_cast<void>(waited);
    }
    // Of two that are not good an answer is better than none.
    const bool answer = second.error().code == Code::ok && second.is_over() && first.error().code != Code::ok;
    const bool won = !is_good(first) && (is_good(second) || answer);
    cluster().metrics().hedged(!is_good(first) && !is_good(second) ? HedgeResult::both_failed
                               : won                               ? HedgeResult::won
                                                                   : HedgeResult::lost);
    current_ = won ? &second : &first;
    loser = &spare();
    if (!loser->is_over()) loser->cancel(kDone);
  }
  while (!current_->is_over()) {
    const net::Waited waited = co_await news.wait(0);
    static_cast<void>(waited);
  }
  co_await runs.join();
  if (loser) co_await drop_loser(*loser);
  racing_ = false;
}

Task<void> Forwarder::drop_loser(Attempt& loser) {
  loser.cancel(kDone);
  co_await loser.uploads().join();
  const Error error = loser.error();
  if (error.side == Side::upstream) count_failure(error, loser.is_reused());
  // One that was cancelled is not to blame, but what it took counts: its answer would have been no sooner.
  TryOutcome outcome = TryOutcome::ok;
  if (error.code != Code::ok && error.side == Side::upstream) outcome = TryOutcome::reset;
  if (error.code == Code::ok) outcome = upstream::outcome_of(loser.exchange()->response().status);
  loser.report(outcome);
  end_span(loser, 0, "hedged");
  loser.end(false);
  // What the loser has left of a body that is here for the second time.
  for (std::string_view rest = body_->peek(); !rest.empty(); rest = body_->peek()) body_->consume(rest.size());
}

}  // namespace postern::proxy
