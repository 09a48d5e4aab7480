// One try at one endpoint: its place there, a connection, the exchange over it, and how that ended. Whoever holds it
// says once what it came to (report), so that balancing, ejection and limits learn from it; what it holds goes back
// with end(), whichever way it went.
// The forwarder has two: one after another for retries, side by side for a hedge. One core only.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/task_group.h"
#include "net/loop.h"
#include "proxy/tracing.h"
#include "upstream/cluster.h"

namespace postern::proxy {

class Attempt {
 public:
  explicit Attempt(net::Loop& loop) noexcept;
  ~Attempt() { end(false); }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  /// Takes a place at that endpoint, and a kept connection where there is one and it is not to be `fresh`. `careful`:
  /// see UpstreamConnection::take(). False: the endpoint is full.
  bool begin(upstream::Cluster& cluster, const upstream::EndpointPin& endpoint, bool fresh, bool careful,
             Nanoseconds now) noexcept;
  [[nodiscard]] bool has_begun() const noexcept { return in_flight_.endpoint() != nullptr; }
  [[nodiscard]] upstream::Endpoint& endpoint() const noexcept { return *in_flight_.endpoint(); }

  [[nodiscard]] bool is_connected() const noexcept { return connection_ != nullptr; }
  [[nodiscard]] bool is_reused() const noexcept { return connection_ && connection_->is_reused(); }
  /// Makes a connection. Can be left before that is done: who cancels need not wait for a network that is silent.
  Task<Result<void>> connect(std::shared_ptr<upstream::Cluster> cluster);
  /// Begins the exchange; from then on until the head: at most `timeout_ms`, 0 for no limit.
  UpstreamExchange& open(std::int64_t timeout_ms) noexcept;
  [[nodiscard]] UpstreamExchange* exchange() const noexcept { return exchange_; }

  /// The head has come, or it never will.
  void finish(Error why) noexcept;
  [[nodiscard]] bool is_over() const noexcept { return over_; }
  [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_; }
  [[nodiscard]] Error error() const noexcept { return error_; }
  [[nodiscard]] Nanoseconds began() const noexcept { return began_; }
  [[nodiscard]] Nanoseconds sent() const noexcept { return sent_; }
  [[nodiscard]] Nanoseconds ended() const noexcept { return ended_; }

  /// Whatever waits ends with that error.
  void cancel(Error why) noexcept;
  void report(upstream::TryOutcome outcome) noexcept;
  /// Everything goes back. `whole`: the answer was read to its end, and the connection may serve on.
  void end(bool whole) noexcept;

  TrySpan span;  // the forwarder's

  FramePool& frames() noexcept { return loop_.frames(); }
  TaskGroup& uploads() noexcept { return uploads_; }

 private:
  struct Dialling;
  static Task<void> dial_for(net::Loop& loop, std::shared_ptr<Dialling> call,
                             std::shared_ptr<upstream::Cluster> cluster, upstream::EndpointPin endpoint);

  net::Loop& loop_;
  upstream::Cluster* cluster_ = nullptr;
  upstream::InFlight in_flight_;
  upstream::ConnectionPtr connection_;  // goes before in_flight_, which pins its endpoint
  UpstreamExchange* exchange_ = nullptr;
  Dialling* dialling_ = nullptr;
  TaskGroup uploads_;
  net::Timer timer_;
  Nanoseconds began_ = 0;
  Nanoseconds sent_ = 0;
  Nanoseconds ended_ = 0;
  Error error_{Code::ok};
  bool placed_ = false;  // counts in the endpoint's circuit
  bool over_ = false;
  bool cancelled_ = false;
};

}  // namespace postern::proxy
