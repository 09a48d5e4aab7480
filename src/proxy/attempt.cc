#include "proxy/attempt.h"

#include <optional>

#include "net/signal.h"
#include "proxy/dial.h"

namespace postern::proxy {

/// A connection being made. Whoever wanted it may leave: it then belongs to nobody, and closes when it is there (one
/// that others can share is kept by its endpoint).
struct Attempt::Dialling {
  explicit Dialling(net::Loop& loop) noexcept : done(loop) {}
  net::Signal done;
  std::optional<Result<upstream::ConnectionPtr>> outcome;
  Error cancelled{Code::ok};
};

Attempt::Attempt(net::Loop& loop) noexcept
    : loop_(loop),
      uploads_(loop.frames()),
      timer_(
          [](void* self) noexcept {
            static_cast<Attempt*>(self)->cancel(Error{Code::timeout, Side::upstream, Retry::never});
          },
          this) {}

namespace {
/// One of its own, or a part of one that is being made.
bool may_get_connection(const upstream::Cluster& cluster, upstream::Endpoint& endpoint) noexcept {
  if (endpoint.circuit().may_connect()) return true;
  return cluster.protocol() != config::UpstreamProtocol::http1 && endpoint.shares() &&
         endpoint.dials().is_open(endpoint.streams_per_connection(cluster.streams_per_connection()));
}
}  // namespace

bool Attempt::begin(upstream::Cluster& cluster, const upstream::EndpointPin& endpoint, bool fresh, bool careful,
                    Nanoseconds now) noexcept {
  cluster_ = &cluster;
  const bool limited = cluster.traffic().limited;
  if (limited && !endpoint->circuit().enter(endpoint->candidate().in_flight)) return false;
  in_flight_ = upstream::Cluster::begin(*endpoint);
  placed_ = limited;
  if (!fresh) connection_ = endpoint->find(careful);
  if (connection_) {
    cluster.metrics().reuses.add();
  } else if (limited && !may_get_connection(cluster, *endpoint)) {
    in_flight_.end();
    endpoint->circuit().leave();  // nobody is told: nothing has become free
    placed_ = false;
    return false;
  }
  exchange_ = nullptr;
  error_ = Error{Code::ok};
  over_ = cancelled_ = false;
  began_ = now;
  sent_ = ended_ = 0;
  return true;
}

Task<void> Attempt::dial_for(net::Loop& loop, std::shared_ptr<Dialling> call,
                             std::shared_ptr<upstream::Cluster> cluster, upstream::EndpointPin endpoint) {
  Result<upstream::ConnectionPtr> connection = co_await dial(loop, *cluster, *endpoint);
  call->outcome.emplace(std::move(connection));
  call->done.notify();
}

Task<Result<void>> Attempt::connect(std::shared_ptr<upstream::Cluster> cluster) {
  const std::shared_ptr<Dialling> call = std::make_shared<Dialling>(loop_);
  dialling_ = call.get();
  loop_.dials().start(dial_for(loop_, call, std::move(cluster), upstream::EndpointPin(in_flight_.endpoint())));
  while (!call->outcome && call->cancelled.code == Code::ok) {
    const net::Waited waited = co_await call->done.wait(0);
    static_cast<void>(waited);
  }
  dialling_ = nullptr;
  if (call->cancelled.code != Code::ok) co_return call->cancelled;
  if (!*call->outcome) co_return call->outcome->error();
  connection_ = std::move(**call->outcome);
  co_return Result<void>();
}

UpstreamExchange& Attempt::open(std::int64_t timeout_ms) noexcept {
  exchange_ = &connection_->open();
  sent_ = now_ns();
  if (timeout_ms > 0) loop_.set_timer(timer_, timeout_ms);
  return *exchange_;
}

void Attempt::finish(Error why) noexcept {
  timer_.clear();
  error_ = why;
  ended_ = now_ns();
  over_ = true;
}

void Attempt::cancel(Error why) noexcept {
  cancelled_ = true;
  if (exchange_) {
    exchange_->cancel(why);
  } else if (dialling_ && dialling_->cancelled.code == Code::ok) {
    dialling_->cancelled = why;
    dialling_->done.notify();
  }
}

void Attempt::report(upstream::TryOutcome outcome) noexcept {
  const Nanoseconds now = ended_ != 0 ? ended_ : now_ns();
  // As long as the request is on its way, the endpoint has nothing to be slow with.
  const bool waited_for = outcome != upstream::TryOutcome::cancelled || uploads_.running() == 0;
  cluster_->report(endpoint(), outcome, now, waited_for ? now - (sent_ != 0 ? sent_ : began_) : 0);
}

void Attempt::end(bool whole) noexcept {
  timer_.clear();
  if (!has_begun()) return;
  if (std::exchange(exchange_, nullptr) && connection_->finish() && whole) endpoint().keep(std::move(connection_));
  connection_ = nullptr;
  if (!placed_) return in_flight_.end();
  placed_ = false;
  const upstream::EndpointPin left(in_flight_.endpoint());
  in_flight_.end();
  left->circuit().leave();
  cluster_->traffic().queue.freed(now_ns());
}

}  // namespace postern::proxy
