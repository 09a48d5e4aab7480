// Forwarder's part on places: an endpoint for the next try, one with room where endpoints have limits, and the queue of
// those for whom there is none.

#include <algorithm>
#include <charconv>

#include "proxy/forward.h"

namespace postern::proxy {

using metrics::QueueResult;

namespace {
/// Places that other cores free are nobody's news: whoever is first in line looks for himself so often.
constexpr std::int64_t kLookMs = 10;
constexpr std::int64_t kLongestRetryAfter = 3'600;
}  // namespace

bool Forwarder::begin_at(Attempt& attempt, const upstream::EndpointPin& endpoint) noexcept {
  const Nanoseconds now = tried_count_ == 0 ? rc_.started : now_ns();
  if (!attempt.begin(cluster(), endpoint, fresh_, !may_repeat(), now)) {
    cluster().metrics().full.add();
    return false;
  }
  tried_[tried_count_ % tried_.size()] = endpoint->id();
  ++tried_count_;
  return true;
}

/// `waited`: it is this request's turn; others do not overtake those who wait.
Forwarder::Place Forwarder::find_place(Attempt& attempt, bool waited) noexcept {
  upstream::PickRequest request{
      .now = tried_count_ == 0 ? rc_.started : now_ns(), .key = rc_.hash_key, .sticky = rc_.sticky};
  request.tried = {tried_.data(), std::min<std::size_t>(tried_count_, tried_.size())};
  const upstream::Traffic& traffic = cluster().traffic();
  if (traffic.limited && !waited && !traffic.queue.empty()) return Place::full;
  const upstream::EndpointPin picked = cluster().pick(request);
  if (!picked) return Place::none;
  if (begin_at(attempt, picked)) return Place::found;
  // The balancer's choice is full: any other one that may be used will do.
  const std::vector<upstream::EndpointPin>& all = cluster().endpoints();
  const std::size_t start = all.empty() ? 0 : cluster().traffic().random.next() % all.size();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const upstream::EndpointPin& other = all[(start + i) % all.size()];
    if (other.get() == picked.get() || !other->is_usable() || other->spec().weight == 0) continue;
    if (begin_at(attempt, other)) return Place::found;
  }
  return Place::full;
}

Task<const Reply*> Forwarder::wait_for_place(Attempt& attempt, Place why) {
  metrics::UpstreamRow& row = cluster().metrics();
  if (why == Place::none) {
    row.failed(metrics::UpstreamError::no_endpoint);
    co_return reply_for(Error{Code::unreachable, Side::upstream, Retry::never});
  }
  upstream::Traffic& traffic = cluster().traffic();
  if (!traffic.queue_settings) co_return full_reply();
  const std::int64_t most = std::min(traffic.queue_settings->max_wait_ms, remaining_ms());
  if (traffic.queue.size() >= traffic.queue_settings->max_waiting) {
    row.queued(QueueResult::full);
    co_return full_reply();
  }
  if (traffic.queue.expected_wait() > most * 1'000'000) {
    row.queued(QueueResult::refused);
    co_return full_reply();
  }
  const bool found = co_await wait_in_queue(attempt, most);
  if (found) {
    row.queued(QueueResult::passed);
    co_return nullptr;
  }
  const bool left = client_error_.code != Code::ok;
  row.queued(left ? QueueResult::left : QueueResult::timed_out);
  if (left) co_return reply_for(client_error_);
  co_return full_reply();
}

Task<bool> Forwarder::wait_in_queue(Attempt& attempt, std::int64_t most_ms) {
  upstream::WaitQueue& queue = cluster().traffic().queue;
  metrics::UpstreamRow& row = cluster().metrics();
  net::Signal news(loop_);
  upstream::WaitQueue::Waiter waiter;
  waiter.owner = &news;
  waiter.wake = [](void* signal) noexcept { static_cast<net::Signal*>(signal)->notify(); };
  const Nanoseconds entered = now_ns();
  const Nanoseconds until = entered + most_ms * 1'000'000;
  rc_.trace.begin(Phase::queue);
  queue.enter(waiter, entered);
  row.queue_waiting.add();
  waiting_ = &news;
  rc_.exchange.watch_client(this);
  bool found = false;
  for (Nanoseconds now = entered; !found && !is_given_up() && now < until; now = now_ns()) {
    const std::int64_t left = std::max<std::int64_t>((until - now) / 1'000'000, 1);
    const net::Waited waited = co_await news.wait(queue.first() == &waiter ? std::min(left, kLookMs) : left);
    static_cast<void>(waited);
    found = !is_given_up() && queue.first() == &waiter && find_place(attempt, true) == Place::found;
  }
  waiting_ = nullptr;
  queue.leave(waiter);
  rc_.trace.end(Phase::queue);
  row.queue_waiting.sub();
  row.queue_wait_ns.add(static_cast<std::uint64_t>(now_ns() - entered));
  co_return found;
}

/// 503, with the time after which it is worth another try as far as that is known.
const Reply* Forwarder::full_reply() noexcept {
  const std::int64_t seconds = (cluster().traffic().queue.expected_wait() + 999'999'999) / 1'000'000'000;
  const std::int64_t after = std::clamp<std::int64_t>(seconds, 1, kLongestRetryAfter);
  char* const begin = rc_.retry_after_space.data();
  char* const end = std::to_chars(begin, begin + rc_.retry_after_space.size(), after).ptr;
  reply_ = {.status = 503,
            .reason = metrics::Reason::upstream_full,
            .detail = "the upstream has no room for more requests",
            .header_name = "Retry-After",
            .header_value = {begin, static_cast<std::size_t>(end - begin)}};
  return &reply_;
}

}  // namespace postern::proxy
