#include "server/heartbeat.h"

#include <unistd.h>

#include <algorithm>

namespace postern::server {

namespace {
constexpr Nanoseconds kMs = 1'000'000;
/// What the timer wheel may be late by its own design.
constexpr std::int64_t kCoarseMs = 2 * net::TimerWheel::kTickMs;
}  // namespace

Heartbeat::Heartbeat(net::Loop& loop, metrics::CoreMetrics& metrics) noexcept
    : loop_(loop),
      metrics_(metrics),
      timer_([](void* self) noexcept { static_cast<Heartbeat*>(self)->beat(); }, this) {}

void Heartbeat::start() noexcept {
  thread_.store(::gettid(), std::memory_order_relaxed);
  beat();
}

void Heartbeat::beat() noexcept {
  const Nanoseconds now = now_ns();
  const Nanoseconds late = due_ == 0 ? 0 : std::max<Nanoseconds>(now - due_, 0);
  if (due_ != 0) metrics_.loop_lagged(late);
  lag_ms_.store(late / kMs, std::memory_order_relaxed);
  last_ms_.store(now / kMs, std::memory_order_relaxed);
  due_ = now + (kEveryMs + kCoarseMs) * kMs;
  loop_.set_timer(timer_, kEveryMs);
}

std::int64_t Heartbeat::lag_ms(std::int64_t now_ms) const noexcept {
  const std::int64_t last = last_ms();
  if (last == 0) return 0;
  return std::max({lag_ms_.load(std::memory_order_relaxed), now_ms - last - kEveryMs - kCoarseMs, std::int64_t{0}});
}

}  // namespace postern::server
