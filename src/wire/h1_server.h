// The server's side of an HTTP/1 connection: reads one request after another and hands each to the handler.
// Runs as one coroutine per connection on one core. Knows no routes, makes no answers of its own.
//
// While it idles it holds its own frame and the socket: no buffer, no exchange.
#pragma once

#include "base/object_pool.h"
#include "net/stream.h"
#include "postern/request_handler.h"
#include "wire/drain.h"
#include "wire/h1_exchange.h"
#include "wire/h1_input.h"
#include "wire/h1_settings.h"

namespace postern::wire {

using H1ExchangePool = ObjectPool<H1Exchange>;

class H1Server {
 public:
  H1Server(net::Stream& stream, const Peer& peer, const H1Settings& settings, RequestHandler& handler,
           H1ExchangePool& exchanges) noexcept
      : stream_(stream), peer_(peer), settings_(settings), handler_(handler), exchanges_(exchanges), input_(stream) {}

  /// Until the connection is done; the caller closes it.
  Task<void> run();

  /// From now on every answer says that it is the last one; what an idle connection does depends. Any time, this core.
  void drain(Drain level) noexcept;
  /// Streams without an end of their own, such as tunnels, are told to end as well, this one and those to come.
  void end_streams() noexcept;
  /// A request that is on the way is given up; nobody will wait for its answer.
  void cut() noexcept;
  [[nodiscard]] bool is_idle() const noexcept { return idle_; }
  FramePool& frames() noexcept { return stream_.frames(); }

 private:
  enum class After : std::uint8_t { next, linger, close };
  struct HeadOutcome {
    std::uint16_t status = 0;  // 0: fine
    const char* reason = nullptr;
    bool gone = false;  // nobody to answer
  };

  /// Idle as it is, it has to go.
  [[nodiscard]] bool must_end() const noexcept { return drain_ == Drain::all || (drain_ == Drain::idle && !first_); }
  [[nodiscard]] bool has_request() const noexcept;
  Task<bool> wait_for_request();
  Task<After> serve_one(H1Exchange& exchange);
  Task<HeadOutcome> read_head(H1Exchange& exchange);
  HeadOutcome accept_head(H1Exchange& exchange, std::size_t consumed) noexcept;
  Task<bool> swallow_body(H1Exchange& exchange);

  net::Stream& stream_;
  const Peer& peer_;
  const H1Settings& settings_;
  RequestHandler& handler_;
  H1ExchangePool& exchanges_;
  H1Input input_;
  H1Exchange* current_ = nullptr;
  bool first_ = true;
  bool idle_ = false;
  Drain drain_ = Drain::none;
  bool streams_end_ = false;
};

}  // namespace postern::wire
