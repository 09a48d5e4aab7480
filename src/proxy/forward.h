// Forwards one request to its upstream and the answer back: tries, retries, hedges, the wait for a place, both bodies
// at once, early answers, and a client that leaves. Lives in Pipeline::forward()'s frame. One core only.
//
//   forward.cc         the loop over tries; one try up to the head of its answer
//   forward_retry.cc   what a try came to, and whether another one follows
//   forward_place.cc   endpoints with room, and the queue for them
//   forward_hedge.cc   a second try beside a slow one
//   forward_answer.cc  the answer on its way to the client
#pragma once

#include <array>
#include <optional>

#include "base/task_group.h"
#include "net/loop.h"
#include "net/signal.h"
#include "proxy/attempt.h"
#include "proxy/buffered_body.h"
#include "proxy/deadline.h"
#include "proxy/grpc_call.h"
#include "proxy/held_body.h"
#include "proxy/request_context.h"
#include "proxy/retry_policy.h"
#include "route/route.h"

namespace postern::proxy {

class Tunnel;

class Forwarder final : private ClientWatcher {
 public:
  /// `date`: the present Date value, for answers that lack one.
  Forwarder(net::Loop& loop, RequestContext& rc, std::string_view date) noexcept;
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  /// An answer of ours, or nullptr: the upstream's has gone out, or the exchange was aborted.
  Task<const Reply*> run();
  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  enum class Step : std::uint8_t { answered, retry, failed };
  enum class Place : std::uint8_t { found, full, none };

  // forward.cc
  Task<bool> buffer_request();
  void hold_body() noexcept;
  Task<void> carry(Attempt& attempt);
  Task<Result<void>> read_final_head(Attempt& attempt);
  void send_request(Attempt& attempt);
  /// `queued`: the whole body is in the sink already, with its end.
  Task<void> upload(UpstreamExchange& up, bool queued);
  Task<void> finish_upload(Attempt& attempt);
  void finish_request_body(UpstreamExchange& up) noexcept;

  // forward_retry.cc
  Task<Step> conclude();
  Step after_failure(Attempt& attempt);
  bool after_status(Attempt& attempt, const TryEnd& end);
  bool may_follow(const TryEnd& end, std::optional<std::int64_t> retry_after) noexcept;
  bool rewind_body() noexcept;
  Task<void> pause(std::int64_t ms);
  [[nodiscard]] bool may_repeat() noexcept;
  [[nodiscard]] bool is_given_up() const noexcept { return time_over_ || client_error_.code != Code::ok; }
  [[nodiscard]] std::int64_t remaining_ms() const noexcept;
  const Reply* reply_for(Error error) noexcept;
  void count_failure(Error error, bool reused) noexcept;
  /// Of a try, before its place goes back.
  void end_span(const Attempt& attempt, std::uint16_t status, std::string_view error) noexcept;

  // forward_place.cc
  Place find_place(Attempt& attempt, bool waited = false) noexcept;
  bool begin_at(Attempt& attempt, const upstream::EndpointPin& endpoint) noexcept;
  Task<const Reply*> wait_for_place(Attempt& attempt, Place why);
  Task<bool> wait_in_queue(Attempt& attempt, std::int64_t most_ms);
  const Reply* full_reply() noexcept;

  // forward_hedge.cc
  [[nodiscard]] std::int64_t hedge_delay_ms() noexcept;
  Task<void> race(std::int64_t delay_ms);
  Task<void> run_racer(Attempt& attempt, net::Signal& news);
  bool start_hedge(Attempt& first, Attempt& second);
  [[nodiscard]] bool is_good(const Attempt& attempt) const noexcept;
  Task<void> drop_loser(Attempt& loser);

  // forward_answer.cc
  Task<void> relay_response(UpstreamExchange& up);
  Task<void> discard(BodySource& source);
  Task<void> relay_tunnel(UpstreamExchange& up);
  void finish_response(UpstreamExchange& up) noexcept;
  void on_time_over() noexcept;
  bool tell_time_over(BodySink& sink, http::Framing framing) noexcept;
  [[nodiscard]] bool may_finish_alone() noexcept;
  /// The request is to become a tunnel: a head alone, and nothing behind it before a 101.
  [[nodiscard]] bool wants_tunnel() const noexcept { return !rc_.request().protocol.empty(); }

  // ClientWatcher
  void on_client_gone(Error why) noexcept override;
  void on_client_fin() noexcept override;
  void on_drain() noexcept override;
  void cancel_tries(Error why) noexcept;

  [[nodiscard]] Attempt& spare() noexcept { return current_ == &first_ ? second_ : first_; }
  upstream::Cluster& cluster() noexcept { return *rc_.cluster; }

  net::Loop& loop_;
  RequestContext& rc_;
  const route::Forward& route_;
  const std::string_view date_;
  BodySource* body_;
  std::optional<GrpcWebCall> grpc_web_;
  std::optional<BufferedBody> buffered_;
  std::optional<HeldBody> held_;
  Attempt first_;
  Attempt second_;
  Attempt* current_ = &first_;  // the one that counts; the other is a racer, or rests
  Tunnel* tunnel_ = nullptr;
  net::Signal* waiting_ = nullptr;  // for a place, or for a pause to end
  Error client_error_{Code::ok};    // the request's sender broke it off
  Error last_error_{Code::ok};
  Reply reply_;
  TimeLimit limit_;
  net::Timer deadline_;
  std::array<std::uint64_t, 8> tried_;  // endpoints
  std::uint32_t tried_count_ = 0;
  std::uint32_t repeats_ = 0;  // tries that counted, behind the first one
  std::uint32_t moves_ = 0;    // those that did not
  std::int64_t pause_ms_ = 0;  // before the next try
  bool fresh_ = false;         // after one kept connection turned out dead, its neighbours are suspect, too
  bool racing_ = false;
  bool body_broken_ = false;  // its rest is not read any more: it cannot start over
  bool time_over_ = false;
  bool draining_ = false;
};

}  // namespace postern::proxy
