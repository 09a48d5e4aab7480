// See core_audit.h.
#include "audit/core_audit.h"

#include <utility>

#include "base/clock.h"

namespace postern::audit {
namespace {

// What is written while it is in the cache costs half: naps end when there is so much.
constexpr std::uint64_t kPlenty = std::uint64_t{96} << 10;
constexpr std::int64_t kPatienceMs = 5'000;  // a disk that takes longer than this serves nobody

constexpr Error kCannotRecord{Code::exhausted, Side::self, Retry::never};
constexpr Error kTooSlow{Code::timeout, Side::self, Retry::never};
constexpr Error kCut{Code::cancelled, Side::self, Retry::never};

}  // namespace

CoreAudit::Attached::Attached(net::Loop& l, CoreAudit& owner) noexcept
    : loop(l),
      wake(
          l, [](void* self) noexcept { static_cast<CoreAudit*>(self)->look(); }, &owner),
      bell([](void* self) noexcept { static_cast<CoreAudit*>(self)->ring_now(); }, &owner),
      late([](void* self) noexcept { static_cast<CoreAudit*>(self)->expire(); }, &owner) {}

CoreAudit::~CoreAudit() = default;

void CoreAudit::attach(net::Loop& loop) {
  const std::lock_guard lock(mutex_);
  attached_.emplace(loop, *this);
}

void CoreAudit::detach() noexcept {
  const std::lock_guard lock(mutex_);
  attached_.reset();
}

void CoreAudit::wake() noexcept {
  const std::lock_guard lock(mutex_);
  if (attached_) attached_->wake.ring();
}

void CoreAudit::add_lane(StreamIndex stream, Lane& lane) noexcept {
  lanes_[stream].store(&lane, std::memory_order_release);
}

// Once per batch of events, behind everything else: the records of all requests in it cost one look at the bell.
void CoreAudit::ring(Lane& lane) noexcept {
  if (lane.ring.holds_more_than(kPlenty) || !attached_) {
    bell_.ring();
  } else {
    attached_->loop.defer_last(attached_->bell);
  }
}

void CoreAudit::ring_now() noexcept { bell_.ring_if_asleep(std::exchange(is_urgent_, false)); }

Result<IntentTicket> CoreAudit::intend(StreamIndex stream, const AuditRecord& record) noexcept {
  Lane* const to = stream < kMaxStreams ? lane(stream) : nullptr;
  if (!to) return kCannotRecord;
  StreamState& state = to->state;
  const bool is_awaited = state.wants_group.load(std::memory_order_relaxed);
  if (state.is_failing.load(std::memory_order_relaxed) || !append(to->ring, RecordKind::intent, is_awaited, record)) {
    state.refused.fetch_add(1, std::memory_order_relaxed);
    bell_.ring();
    return kCannotRecord;
  }
  ++to->intents;
  is_urgent_ |= is_awaited;
  ring(*to);
  IntentTicket ticket;
  ticket.stream = stream;
  if (is_awaited) ticket.number = to->intents;
  return ticket;
}

void CoreAudit::outcome(StreamIndex stream, const AuditRecord& record, bool has_intent) noexcept {
  Lane* const to = stream < kMaxStreams ? lane(stream) : nullptr;
  if (!to) return;
  if (append(to->ring, has_intent ? RecordKind::outcome : RecordKind::request, false, record)) [[likely]] {
    ring(*to);
    return;
  }
  to->lost.store(to->lost.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  bell_.ring();
}

bool CoreAudit::Awaiter::await_ready() noexcept {
  if (!ticket_.must_wait()) return true;
  if (!audit_.attached_) {
    result_ = kCannotRecord;
    return true;
  }
  return audit_.is_decided(*this);
}

void CoreAudit::add(Awaiter& waiter) noexcept {
  waiter.until_ms_ = coarse_now_ms() + kPatienceMs;
  if (last_) {
    last_->next_ = &waiter;
  } else {
    first_ = &waiter;
    attached_->late.set(attached_->loop, kPatienceMs);
  }
  last_ = &waiter;
  // The stream may have failed between intend() and here, and have told whoever waited then.
  const bool is_failing = lane(waiter.ticket_.stream)->state.is_failing.load(std::memory_order_acquire);
  if (is_failing) attached_->wake.ring();
}

// Whoever is resumed may add himself again, or end: first they are taken out of the list, all of them.
template <class Judge>
void CoreAudit::settle(Judge judge) noexcept {
  Awaiter* settled = nullptr;
  Awaiter** settled_end = &settled;
  Awaiter** link = &first_;
  last_ = nullptr;
  while (Awaiter* const waiter = *link) {
    if (judge(*waiter)) {
      *link = std::exchange(waiter->next_, nullptr);
      *settled_end = waiter;
      settled_end = &waiter->next_;
    } else {
      last_ = waiter;
      link = &waiter->next_;
    }
  }
  if (!first_ && attached_) attached_->late.forget();
  while (settled) {
    Awaiter* const waiter = std::exchange(settled, settled->next_);
    waiter->waiter_.resume();
  }
}

void CoreAudit::look() noexcept {
  settle([this](Awaiter& waiter) noexcept { return is_decided(waiter); });
}

bool CoreAudit::is_decided(Awaiter& waiter) noexcept {
  const Lane& from = *lane(waiter.ticket_.stream);
  // In this order: an intent that has been written is good, whatever became of the stream afterwards.
  const bool is_failing = from.state.is_failing.load(std::memory_order_acquire);
  const bool is_done = from.done.load(std::memory_order_acquire) >= waiter.ticket_.number;
  if (!is_done && !is_failing) return false;
  const bool is_sure = is_done && from.unsure.load(std::memory_order_acquire) < waiter.ticket_.number;
  if (!is_sure) waiter.result_ = kCannotRecord;
  return true;
}

void CoreAudit::expire() noexcept {
  const std::int64_t now = coarse_now_ms();
  settle([now](Awaiter& waiter) noexcept {
    if (waiter.until_ms_ > now) return false;
    waiter.result_ = kTooSlow;
    return true;
  });
  if (first_) attached_->late.set(attached_->loop, first_->until_ms_ - now);
}

void CoreAudit::cut() noexcept {
  settle([](Awaiter& waiter) noexcept {
    waiter.result_ = kCut;
    return true;
  });
}

}  // namespace postern::audit
