// Forwards one request to its upstream and the answer back: tries, retries, both bodies at once, early answers, and a
// client that leaves. Lives in Pipeline::forward()'s frame. One core only.
#pragma once

#include <optional>

#include "base/task_group.h"
#include "net/loop.h"
#include "proxy/buffered_body.h"
#include "proxy/grpc_call.h"
#include "proxy/request_context.h"
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

  Task<Step> try_once(upstream::Endpoint& endpoint, bool fresh);
  Task<Step> exchange_over(UpstreamConnection& connection);
  void send_request(UpstreamExchange& up);
  /// `queued`: the whole body is in the sink already, with its end.
  Task<void> upload(UpstreamExchange& up, bool queued);
  Task<Result<void>> read_final_head(UpstreamExchange& up);
  Task<void> relay_response(UpstreamExchange& up);
  Task<void> discard(BodySource& source);
  Task<void> relay_tunnel(UpstreamExchange& up);
  Task<void> finish_upload(UpstreamExchange& up);
  Task<bool> buffer_request();

  Step on_failure(UpstreamConnection& connection, Error error);
  [[nodiscard]] bool may_repeat() noexcept;
  [[nodiscard]] bool may_finish_alone() const noexcept;
  /// The request is to become a tunnel: a head alone, and nothing behind it before a 101.
  [[nodiscard]] bool wants_tunnel() const noexcept { return !rc_.request().protocol.empty(); }
  const Reply* reply_for(Error error) noexcept;
  void finish_request_body(UpstreamExchange& up) noexcept;
  void finish_response(UpstreamExchange& up) noexcept;
  void count_failure(Error error, bool reused) noexcept;
  void on_time_over() noexcept;
  bool tell_time_over(BodySink& sink, http::Framing framing) noexcept;

  // ClientWatcher
  void on_client_gone(Error why) noexcept override;
  void on_client_fin() noexcept override;
  void on_drain() noexcept override;

  net::Loop& loop_;
  RequestContext& rc_;
  const route::Forward& route_;
  const std::string_view date_;
  TaskGroup uploads_;
  BodySource* body_;
  std::optional<GrpcWebCall> grpc_web_;
  std::optional<BufferedBody> buffered_;
  UpstreamExchange* current_ = nullptr;
  Tunnel* tunnel_ = nullptr;
  Error client_error_{Code::ok};  // the request's sender broke it off
  Error last_error_{Code::ok};
  Reply reply_;
  net::Timer deadline_;
  bool time_over_ = false;
  bool draining_ = false;
};

}  // namespace postern::proxy
