// The audit trail's two moments in a request: its intent, before it is forwarded, and its outcome, when it is over.
// Called by the pipeline; one core only.
#pragma once

#include "audit/core_audit.h"
#include "base/task.h"
#include "proxy/request_context.h"

namespace postern::proxy {

/// The trail as one core uses it, and where each listener's requests go. One per Pipeline.
class AuditStep {
 public:
  explicit AuditStep(net::Loop& loop) noexcept : loop_(loop) {}

  FramePool& frames() noexcept { return loop_.frames(); }
  /// Before the first request. nullptr: there is no trail.
  void set_trail(audit::CoreAudit* trail) noexcept { trail_ = trail; }
  /// Which stream each listener's requests go to, by the listener's number.
  void set_streams(std::vector<audit::StreamIndex> streams) noexcept { streams_ = std::move(streams); }

  /// The route wants its requests recorded, and there is somewhere to.
  [[nodiscard]] bool concerns(const RequestContext& rc) const noexcept {
    return trail_ && rc.match.route && rc.generation->snapshot->access->audit_of(rc.match.route->index).is_on() &&
           stream_of(rc) != audit::kNoStream;
  }
  [[nodiscard]] bool wants_intent(const RequestContext& rc) const noexcept {
    return concerns(rc) && rc.generation->snapshot->access->audit_of(rc.match.route->index).intent;
  }

  /// True: it is recorded as the stream's `sync` promises, or need not be. False: the request may not go on.
  Task<bool> record_intent(RequestContext& rc);
  /// Once, when the request is over.
  void record_outcome(RequestContext& rc, Nanoseconds duration) noexcept;

 private:
  [[nodiscard]] audit::StreamIndex stream_of(const RequestContext& rc) const noexcept {
    const std::size_t listener = rc.exchange.peer().listener;
    return listener < streams_.size() ? streams_[listener] : audit::kNoStream;
  }

  net::Loop& loop_;
  audit::CoreAudit* trail_ = nullptr;
  std::vector<audit::StreamIndex> streams_;
};

}  // namespace postern::proxy
