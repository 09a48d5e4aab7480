// One request on an HTTP/2 server connection and its answer: a stream that the pipeline sees as Exchange.
// Pooled per core; leased by H2Server from the stream's first HEADERS until its serving coroutine ends. One core only.
#pragma once

#include "net/loop.h"
#include "postern/exchange.h"
#include "wire/h1_settings.h"
#include "wire/h2_arena.h"
#include "wire/h2_request.h"
#include "wire/h2_stream.h"

namespace postern::wire {

class H2Server;

class H2Exchange final : public Exchange, public H2Stream {
 public:
  explicit H2Exchange(net::Loop& loop);

  /// Starts over for a stream whose head comes in.
  void begin(H2Server& server, H2Session& session, const Peer& peer, const H1Settings& settings,
             std::int32_t id) noexcept;
  /// Gives back what the request held.
  void end() noexcept;
  [[nodiscard]] H2Request::Verdict verdict() const noexcept { return verdict_; }
  [[nodiscard]] bool aborted() const noexcept { return aborted_; }
  H2Exchange* next_ready = nullptr;  // H2Server's list

  // Exchange
  FramePool& frames() noexcept override { return loop_.frames(); }
  [[nodiscard]] const Peer& peer() const noexcept override { return *peer_; }
  http::RequestHead& request() noexcept override { return head_; }
  BodySource& request_body() noexcept override { return in; }
  bool rewind_request_body() noexcept override { return in.rewind(); }
  void limit_request_body(std::uint64_t bytes) noexcept override { in.limit(bytes); }
  void set_request_body_timeout(std::int64_t milliseconds) noexcept override { in.set_read_timeout(milliseconds); }
  [[nodiscard]] BodyFailure request_body_failure() const noexcept override;
  void inform(const http::ResponseHead& head) noexcept override;
  void start_response(const http::ResponseHead& head) noexcept override;
  BodySink& response_body() noexcept override { return out; }
  [[nodiscard]] bool response_started() const noexcept override { return started_; }
  [[nodiscard]] std::uint64_t response_bytes() const noexcept override { return out.body_bytes(); }
  [[nodiscard]] bool is_cut() const noexcept override;
  void abort(Error why) noexcept override;
  void drop_head() noexcept override { texts_.clear(); }
  void stop_reading(Error why) noexcept override { in.stop(why); }
  void watch_client(ClientWatcher* watcher) noexcept override;

  // H2Stream
  bool on_header(std::string_view name, std::string_view value) noexcept override;
  void on_too_large() noexcept override;
  bool on_headers_end(bool is_trailers, bool end_stream) noexcept override;
  void on_close(std::uint32_t code) noexcept override;
  void on_drain() noexcept override;

 private:
  void tell_gone() noexcept;

  net::Loop& loop_;
  H2Server* server_ = nullptr;
  H2Session* session_ = nullptr;
  const Peer* peer_ = nullptr;
  const H1Settings* settings_ = nullptr;
  ClientWatcher* watcher_ = nullptr;
  net::Deferred gone_;
  H2Request building_;
  H2Request::Verdict verdict_;
  bool head_complete_ = false;
  bool started_ = false;
  bool aborted_ = false;
  bool expects_continue_ = false;
  bool trailers_too_large_ = false;
  H2Arena texts_;
  http::RequestHead head_;
};

}  // namespace postern::wire
