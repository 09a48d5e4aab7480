// The server's side of an HTTP/2 connection: reads frames, and hands each request to the handler in a coroutine of its
// own. Runs as one coroutine per connection beside those. Knows no routes, makes no answers of its own. One core only.
#pragma once

#include "base/object_pool.h"
#include "base/task_group.h"
#include "postern/request_handler.h"
#include "wire/h2_exchange.h"
#include "wire/h2_session.h"

namespace postern::wire {

using H2ExchangePool = ObjectPool<H2Exchange>;

/// Counts what connections have seen, for the metrics.
class H2Observer {
 public:
  virtual void on_h2_event(H2Event event) noexcept = 0;

 protected:
  ~H2Observer() = default;
};

class H2Server final : private H2Session {
 public:
  H2Server(net::Stream& stream, const Peer& peer, const H1Settings& common, const H2Settings& settings,
           RequestHandler& handler, H2ExchangePool& exchanges, H2Observer& observer) noexcept;

  /// Until the connection is done; the caller closes it.
  Task<void> run();

  /// Takes no new requests after a round trip's grace, ends with the last one. Any time, this core.
  void drain() noexcept;
  /// Streams without an end of their own, such as tunnels, are told to end as well, these and those to come.
  void end_streams() noexcept;
  /// The requests that are on the way are given up; nobody will wait for their answers.
  void cut() noexcept;
  FramePool& frames() noexcept { return H2Session::frames(); }
  [[nodiscard]] bool ends_streams() const noexcept { return streams_end_; }
  [[nodiscard]] bool is_idle() const noexcept { return serving_ == 0; }
  [[nodiscard]] bool is_cut() const noexcept { return cut_; }

  /// From an exchange, whose head is complete: to be served behind this batch of frames.
  void on_request(H2Exchange& exchange) noexcept;

 private:
  // H2Session
  H2Stream* on_new_stream(std::int32_t id) noexcept override;
  void on_ping_ack() noexcept override;
  void on_goaway(std::int32_t, std::uint32_t) noexcept override {}
  void on_event(H2Event event) noexcept override { observer_.on_h2_event(event); }
  void on_failed() noexcept override;
  Task<void> write_blocked() override { return write_on(); }
  TaskGroup& writers() noexcept override { return requests_; }

  enum class Clock : std::uint8_t { off, head, idle };

  Task<void> read_frames();
  Task<void> serve(H2ExchangePool::Pointer exchange);
  void release(H2Exchange& exchange) noexcept;
  void start_requests() noexcept;
  void watch_clock() noexcept;
  void set_clock(Clock clock) noexcept;
  void begin_drain() noexcept;
  void wake_reader() noexcept;

  const Peer& peer_;
  const H1Settings& common_;
  RequestHandler& handler_;
  H2ExchangePool& exchanges_;
  H2Observer& observer_;
  TaskGroup requests_;
  net::Signal tls_pause_;
  H2ExchangePool::Pointer coming_;  // its head is not complete
  H2Exchange* ready_first_ = nullptr;
  H2Exchange* ready_last_ = nullptr;
  net::Timer deadline_;     // for a head that is coming in, or for the next request
  net::Timer drain_grace_;  // for a client that never answers our ping
  Clock clock_ = Clock::off;
  std::size_t serving_ = 0;  // coroutines: a stream that was reset counts until its work has stopped
  bool started_ = false;
  bool any_request_ = false;
  bool expired_ = false;
  bool woken_ = false;
  bool draining_ = false;
  bool streams_end_ = false;
  bool cut_ = false;
};

}  // namespace postern::wire
