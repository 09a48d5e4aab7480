// One core's end of the audit trail: records go into a ring per stream, and requests whose intent has to be on the disk
// wait here until the writer says that it is. Owned by AuditTrail. That core's thread only, where not said otherwise.
#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "audit/lane.h"
#include "audit/record.h"
#include "base/doorbell.h"
#include "base/error.h"
#include "net/lazy_deadline.h"
#include "net/loop.h"
#include "net/wake.h"

namespace postern::audit {

/// An intent on its way.
struct IntentTicket {
  std::uint64_t number = 0;  // 0: nothing to wait for
  StreamIndex stream = 0;

  [[nodiscard]] bool must_wait() const noexcept { return number != 0; }
};

class CoreAudit {
 public:
  explicit CoreAudit(Doorbell& bell) noexcept : bell_(bell) {}
  CoreAudit(const CoreAudit&) = delete;
  CoreAudit& operator=(const CoreAudit&) = delete;
  ~CoreAudit();

  /// Before the first record; the loop's thread is this core's. detach(): when its loop has ended, by whom ended it.
  void attach(net::Loop& loop);
  void detach() noexcept;

  /// Before a request is forwarded. An error: the intent cannot be recorded (exhausted: the ring is full, or the disk).
  /// Otherwise wait for written() where the ticket says so; with sync = "none" and "interval" it does not: the record
  /// is with the writer, and what a stopped disk or process loses is as much as these promise.
  Result<IntentTicket> intend(StreamIndex stream, const AuditRecord& record) noexcept;

  class Awaiter;
  /// co_await it: until the intent is in the file and synced. An error: it is not, or not in time.
  Awaiter written(IntentTicket ticket) noexcept;

  /// Once per audited request, when it is over. `has_intent`: an intent was accepted under this request id. Never
  /// blocks; what finds no room is counted, and the chain will tell that so many are missing.
  void outcome(StreamIndex stream, const AuditRecord& record, bool has_intent) noexcept;

  /// Whoever waits waits no longer, and fails: the core is being cut off.
  void cut() noexcept;

 private:
  friend class AuditTrail;
  friend class StreamWriter;

  void add_lane(StreamIndex stream, Lane& lane) noexcept;  // control thread
  void wake() noexcept;                                    // writer's thread
  void ring(Lane& lane) noexcept;
  void ring_now() noexcept;
  void add(Awaiter& waiter) noexcept;
  void look() noexcept;
  bool is_decided(Awaiter& waiter) noexcept;
  void expire() noexcept;
  /// Resumes those that `judge` gives a result.
  template <class Judge>
  void settle(Judge judge) noexcept;
  Lane* lane(StreamIndex stream) noexcept { return lanes_[stream].load(std::memory_order_acquire); }

  struct Attached {
    Attached(net::Loop& loop, CoreAudit& owner) noexcept;
    net::Loop& loop;
    net::Wake wake;          // from the writer
    net::Deferred bell;      // to the writer: once for all records of a batch of events
    net::LazyDeadline late;  // looks whether somebody has waited for too long
  };

  // Any thread
  Doorbell& bell_;
  std::array<std::atomic<Lane*>, kMaxStreams> lanes_{};
  std::mutex mutex_;  // attached_ comes and goes; the core itself needs no lock to read it
  // This core
  std::optional<Attached> attached_;
  Awaiter* first_ = nullptr;
  Awaiter* last_ = nullptr;
  bool is_urgent_ = false;  // an intent is waited for since the bell was rung last
};

class CoreAudit::Awaiter {
 public:
  bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    audit_.add(*this);
  }
  [[nodiscard]] Result<void> await_resume() const noexcept { return result_; }

 private:
  friend class CoreAudit;
  Awaiter(CoreAudit& audit, IntentTicket ticket) noexcept : audit_(audit), ticket_(ticket) {}

  CoreAudit& audit_;
  const IntentTicket ticket_;
  std::coroutine_handle<> waiter_;
  std::int64_t until_ms_ = 0;
  Awaiter* next_ = nullptr;
  Result<void> result_ = boost::system::in_place_value;
};

inline CoreAudit::Awaiter CoreAudit::written(IntentTicket ticket) noexcept { return Awaiter(*this, ticket); }

}  // namespace postern::audit
